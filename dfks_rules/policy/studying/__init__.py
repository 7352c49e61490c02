"""What authors and operators learn about policies: cases, explanations, comparisons.

Belongs here: cases and their coverage, why a decision came out, what a change of policies means,
requests that show a difference.
Never here: what a running server needs to decide; warnings of `check` (`lint`).
May import: deciding, reading, language, facts, site, words; yaml, model, errors; not lint.
"""
