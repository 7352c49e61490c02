"""Compiled policies, and what they decide.

Belongs here: the input of the engine, the engine and the reference evaluator, how matching rules
combine, the active policies with their shadow and spot checks.
Never here: cases, explanations, searches for witnesses. Only `engine` knows durable_rules.
May import: reading, language, facts, site, words; model, errors.
"""
