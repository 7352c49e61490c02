"""The worker: a process that answers what would hold the event loop for too long.

    operations.studies  ←  studies  →  worker ═ pipes ═ process  →  answering

Belongs here: questions and answers as they cross the pipes, the process and its limits, and who
starts and ends it.
Never here: what an answer means to HTTP (`web`), which policies decide (`app.desk`); state that
would be missed when the process is killed.
May import: app.desk, app.records, policy, operations and the rooms below them.
"""
