"""YAML policies → decisions.

    source → read, check → document → compile → engine ┐
                                  └────────── reference ┴→ combine → Decision

Belongs here: the policy language (facts, matchers, effects), its checks and messages, the engine
that says which rules match, what matching rules amount to, cases that pin a policy down.
Never here: SIP, XML, stores, files, the wall clock. Only `engine` knows durable_rules.
May import: model, errors.
"""
