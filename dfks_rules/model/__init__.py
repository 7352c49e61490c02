"""The terms of the domain: immutable records and enums.

Belongs here: what SIP, policies, the store and MI have in common; also two tools that rooms beside
one another share, `Histogram` and `Afterwards`.
Never here: parsing, formatting for a wire, defaults from the configuration.
May import: errors.
"""
