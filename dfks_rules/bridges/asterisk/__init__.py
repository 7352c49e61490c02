"""Asterisk with FreePBX's conventions: AstDB, and device states for lamps, by AMI.

Belongs here: AMI, the keys and device states where features are kept.
Never here: whose state holds.
May import: the files of `bridges` but `syncing`, `running` and `server`.
"""
