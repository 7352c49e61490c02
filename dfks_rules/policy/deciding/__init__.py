"""Compiled policies, and what they decide.

Belongs here: what the engine is given, the engine and the reference evaluator, what matching rules
amount to, the active policies with their shadow and oracle.
Never here: cases, explanations, searches for witnesses. Only `engine` knows durable_rules.
May import: reading, language, facts, site, words; model, errors.
"""
