"""The bodies of `as-feature-event`: XML documents, alone or several in a multipart.

Belongs here: the vocabulary of the wire (`SetForwarding`, `forwardDN`, …), reading what phones
request, writing the events that they receive.
Never here: SIP headers and statuses, decisions, stored state, files.
May import: model, errors.
"""
