"""The notifier of RFC 6665 without I/O: subscriptions to `as-feature-event` and what they are told.

Belongs here: what a SUBSCRIBE means, the life of subscriptions, which NOTIFY goes to whom and when.
Never here: what features mean (policies do), how states are kept, sockets, a clock.
May import: service, sip, csta, model, errors.
"""
