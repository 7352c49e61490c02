"""Sockets: moves bytes between peers and the pure rooms.

Belongs here: UDP and TCP, connections and their limits, resolving names, whose turn it is, how much
is sent and read at a time.
Never here: what a message means, XML, policies.
May import: sip, model, errors.
"""
