"""The composition root: builds the rooms from the configuration and lets them run.

    server → operations | driver | tokens | users | credentials | profiles
           → desk | records | metrics

Belongs here: wiring, life cycle, time, counters, what MI can ask of the running server.
Never here: a rule of SIP, of policies or of MI.
May import: everything but cli.
"""
