"""Sockets: moves bytes between peers and the pure rooms.

Belongs here: UDP and TCP, connections and their limits, names to addresses, how much is sent and
read at a time.
Never here: what a message means, XML, policies.
May import: sip, model, errors.
"""
