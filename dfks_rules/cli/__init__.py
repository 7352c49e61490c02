"""The command `dfks`: what operators and authors of policies type.

Belongs here: arguments, output, exit codes; one file per command.
Never here: anything a program would want to call.
May import: every room.
"""
