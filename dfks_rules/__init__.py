"""dfks-rules keeps the feature keys of SIP phones in step with the network; YAML policies decide.

Rooms and the arrows between them: docs/topics/architecture.md.
"""

__version__ = "0.1.0"
