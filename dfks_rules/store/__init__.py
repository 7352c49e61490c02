"""Where states are kept: in memory, or in an SQLite file that survives a kill -9.

Belongs here: the stores, the tables and how they grew, files, locks, the writer's thread.
Never here: what a state means, who may change it, how it is written on a wire.
May import: service.ports, model, errors.
"""
