"""What a running server records: its log, and its decisions.

Belongs here: log set-up, lines of the log, the last decisions in memory, the decision log.
Never here: what a decision is (`model`), how policies are read and replaced (`desk`).
May import: policy and the rooms below it; not desk.
"""
