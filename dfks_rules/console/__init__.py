"""The console: the web page that operators, help desks and authors open.

    static/index.html → app.js → pages/*.js → parts/*.js
    static/api.js     what they ask of `/v1`, and nothing else
    static/words/     every sentence, in each language; pages import theirs

Belongs here: what a browser is given, and nothing that the server has to know.
Never here: a rule, a right, a number that `/v1` does not give; a build that running it needs.
May import: nothing. `web` serves the files, `app` hands them over.
"""
