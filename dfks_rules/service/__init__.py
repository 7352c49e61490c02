"""The use cases: get, set and permission to subscribe, for SIP and MI alike.

Belongs here: loading stored states, asking the policies, committing, and the order of these.
Never here: sockets, SQL, SIP or XML types, a clock.
May import: policy, model, errors.
"""
