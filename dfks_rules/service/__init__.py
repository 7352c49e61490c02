"""The use cases: get, set and leave to subscribe, whoever asks and by whichever door.

Belongs here: loading what is stored, asking the policies, committing, the order of all that.
Never here: sockets, SQL, SIP or XML types, a clock.
May import: policy, model, errors.
"""
