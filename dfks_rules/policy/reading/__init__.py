"""Policy files → checked policies, with every error at its place.

Belongs here: kinds of files, schemas, variables, reading policies, directories and number plans,
the codes of findings, the layout of files.
Never here: opening files, decisions, warnings about policies that can be used (`lint`).
May import: language, facts, site, words; yaml, model, errors.
"""
