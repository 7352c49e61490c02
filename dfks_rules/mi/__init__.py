"""The management interface: JSON-RPC calls of operators and their tools.

    fifo | datagram | http   →  dispatch  →  registry, methods  →  Operations (ports)

Belongs here: JSON-RPC, the table of methods, three transports, and the client of `dfks mi`.
Never here: a rule that does not also apply to SIP; methods work only through `ports.Operations`.
May import: presence, service and the rooms below; not transport, store, config.
"""
