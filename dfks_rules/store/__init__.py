"""Where states are stored: in memory, or in an SQLite file that survives `kill -9`.

Belongs here: the stores, the tables and their migrations, files, locks, the writer's thread,
checks and copies of the files.
Never here: what a state means, who may change it, how it is encoded on the wire.
May import: records of operations, service.ports, model, errors.
"""
