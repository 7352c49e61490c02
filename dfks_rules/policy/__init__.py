"""YAML policies → decisions.

    words ← site ← facts ← language ← reading ← lint
                                         ↑
                                      deciding ← proof ← studying

    editing (completion, hover, rename) reads studying, and all to its left

    reading (source → document, alternatives) → deciding (engine, reference → Decision)

Belongs here: the policy language (facts, matchers, effects), its checks and messages, the engine
that says which rules match, what matching rules amount to, cases that pin a policy down, what an
editor shows of them.
Never here: SIP, XML, stores, files, the wall clock. Only `deciding.engine` knows durable_rules.
May import: yaml, model, errors. Each file stands in one of the rooms above; arrows are imports.
"""
