"""The composition root: builds the rooms from the configuration and lets them run.

    server → operations → desk | records

Belongs here: wiring, life cycle, what MI can ask of the running server.
Never here: a rule of SIP, of policies or of MI.
May import: everything but cli.
"""
