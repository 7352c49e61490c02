"""What a policy says: conditions, matchers, values and effects, and what follows from them.

Belongs here: the parts of a rule as records, the table of matchers, the normal form of conditions,
what one test implies about another, conditions as text.
Never here: YAML, schemas, findings with places; which rules match and what that amounts to.
May import: facts, site, words; model.
"""
