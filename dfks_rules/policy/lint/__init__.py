"""Likely mistakes in usable policies: findings of severity `warning`.

Reports only what is certainly true, so many real mistakes stay unreported.
Rules are compared only within one domain, using an index, so that time grows with the number of
rules and not with its square.

Belongs here: warnings, one kind per file, and how an author allows one.
Never here: errors, which make a policy unusable (`reading.check`).
May import: reading, language, facts, site, words; yaml, model, errors; not deciding, not studying.
"""
