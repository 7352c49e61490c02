"""The composition root: builds the rooms from the configuration and lets them run.

    life → server → operators → phones → storage | files → lasting → heartbeat | restoring
         → operations | driver | doors | clock | tokens | users | credentials | profiles
         → desk | records | metrics | handover

Belongs here: wiring, life cycle, time, counters, what MI can ask of the running server.
Never here: a rule of SIP, of policies or of MI.
May import: everything but cli.
"""
