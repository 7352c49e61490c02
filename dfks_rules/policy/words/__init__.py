"""Wording that findings share, and the codes of countries.

Belongs here: suggestions, quotations and names that several kinds of findings need.
Never here: a fact, a matcher, a key of the policy language.
May import: nothing of policy.
"""
