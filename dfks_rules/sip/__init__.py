"""SIP without I/O: messages, transactions and dialogs (RFC 3261), without features and bodies.

Belongs here: bytes ↔ messages, the values in their headers, non-INVITE transactions, dialog state.
Never here: features, XML, policies, sockets, a clock.
May import: model, errors.
"""
