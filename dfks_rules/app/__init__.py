"""The composition root: builds the rooms from the configuration and lets them run.

Belongs here: wiring, life cycle, log set-up, reading policy files.
Never here: a rule of SIP, of policies or of MI.
May import: everything but cli.
"""
