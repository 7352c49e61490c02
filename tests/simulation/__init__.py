"""A whole server and its phones in one thread, with faults, from one seed.

`python -m tests.simulation SEED` plays one history again, and says what happened.
"""
