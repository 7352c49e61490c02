"""What a site knows of itself: users, numbers, and where a forward target leads.

Belongs here: the directory, the number plan, the analysis of targets, loops of forwards.
Never here: how these are written in files (`reading`), requests, rules.
May import: words; yaml, model, errors.
"""
