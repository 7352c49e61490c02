"""Scripts of other servers → policies, and a list of what could not be carried over.

    tokens → preparing → script → routes → walking (comparing, paths) → carrying

Belongs here: reading routes of OpenSIPS for presence_dfks, what they come to as rules, the rules
as text.
Never here: opening files, deciding, what any other module of OpenSIPS does.
May import: facts, words; yaml, model, errors.
"""
