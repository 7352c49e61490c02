"""What authors and operators learn about policies: cases, explanations, comparisons.

Belongs here: cases and their coverage, why a decision was made, what a change of policies
means, requests that show a difference.
Never here: what a running server needs for decisions; warnings of `check` (`lint`).
May import: deciding, reading, language, facts, site, words; yaml, model, errors; not lint.
"""
