"""The facts: everything a rule can know about a request, in one table.

Belongs here: what a fact is, the rows of the table, a request as cases and logs write it.
Never here: tests of facts, rules, files.
May import: site, words; model.
"""
