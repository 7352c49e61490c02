"""Policy files → checked policies, with the place of every error.

Belongs here: kinds of files, schemas, variables, reading policies, directories and number plans,
the codes of findings, the layout of files.
Never here: opening files, decisions, warnings about usable policies (`lint`).
May import: language, facts, site, words; yaml, model, errors.
"""
