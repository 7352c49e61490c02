"""The policy language: conditions, matchers, values and effects, and what they imply.

Belongs here: the parts of a rule as records, the table of matchers, the normal form of conditions,
what one test implies about another, conditions as text.
Never here: YAML, schemas, findings with places; which rules match and how they combine.
May import: facts, site, words; model.
"""
