"""What is likely to be a mistake in policies that can be used: findings of severity `warning`.

A finding is told only when it is certain that what it says is so; much that is so is not found.
Rules are compared only within one domain, and there by an index, so that time grows with the number
of rules and not with its square.

Belongs here: warnings, one kind a file, and how an author allows one.
Never here: errors, which stop a policy from being used (`reading.check`).
May import: reading, language, facts, site, words; yaml, model, errors; not deciding, not studying.
"""
