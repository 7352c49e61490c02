"""What an editor shows at a place in a file of policies, and what it changes there.

    outline (text → keys and values with places) ← names (who defines and uses a name)
    grammar (schema at a place) ← completion, hover

Belongs here: completion, hover, definitions, rename and corrections, from texts alone. A file that
is being typed is seldom valid, so nothing here needs it to be.
Never here: the language server protocol, opening files (`cli.policy.lsp`); findings (`lint`).
May import: studying (schemas of cases and proofs), reading, language, facts, site, words; yaml,
errors.
"""
