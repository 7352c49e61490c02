"""Switches that must know: what is stored here and what a PBX keeps for itself are made the same.

    /v1 events  →  running  →  syncing  →  Switch (asterisk, fusionpbx)
    hints, sweeps of the switch  →  syncing  →  /v1

A bridge is a process of its own: what goes wrong with a switch is never the server's.

Belongs here: settings of a bridge, whose state holds, what a bridge remembers, clients of switches.
Never here: anything of the running server but its HTTP API; a rule about who may forward whereto.
May import: `web.client`, config (to read and check a file), model, yaml and errors.
"""
