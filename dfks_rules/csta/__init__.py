"""The bodies of `as-feature-event`: XML documents, alone or several in a multipart.

Belongs here: every word that only the wire knows (`SetForwarding`, `forwardDN`, …), reading what
phones ask for, writing the events that they are told.
Never here: SIP headers and statuses, decisions, stored state, files.
May import: model, errors.
"""
