"""What an operator can do with a running server, whichever door he comes by.

    mi | web  →  ports.Operations  ←  app/operations.py

Belongs here: protocols and records of what operators ask and are told; features in JSON.
Never here: JSON-RPC, HTTP, sockets, files; what only one door says.
May import: presence, service and the rooms below; not transport, store, config.
"""
