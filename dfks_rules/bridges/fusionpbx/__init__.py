"""FusionPBX: rows of PostgreSQL, and FreeSWITCH's event socket to have them read again.

Belongs here: the columns where features are kept, the database, the event socket.
Never here: whose state holds.
May import: the files of `bridges` but `syncing`, `running` and `server`; psycopg, if installed.
"""
