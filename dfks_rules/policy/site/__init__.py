"""What is known about a site: users, numbers, and where a forward target leads.

Belongs here: the directory, the number plan, the analysis of targets, forward loops.
Never here: how files express these (`reading`), requests, rules.
May import: words; yaml, model, errors.
"""
