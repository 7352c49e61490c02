"""The notifier of RFC 6665 without I/O: subscriptions to `as-feature-event` and their NOTIFYs.

Belongs here: what a SUBSCRIBE means, the life of subscriptions, which NOTIFY goes to whom and when.
Never here: what features mean (policies decide), how states are stored, sockets, a clock.
May import: service, sip, csta, model, errors.
"""
