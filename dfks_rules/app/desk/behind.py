"""Processes that phones come before: from their first line on, while they import, too.

To import takes a third of a second of CPU. On the server's processor that is time in which it is
late, and if the server runs at a real-time priority, which its children inherit, by tens of
milliseconds at a time.
"""

import os
import sys


def command_of(room: str, niceness: int) -> tuple[str, ...]:
    """What runs `main` of a module, in a process that comes after the server.

    Args:
        room: the module.
        niceness: how much more it yields than the server does.
    """
    # `-P`: what lies in the current directory is not code.
    code = f"from {__name__} import yield_to_phones; yield_to_phones({niceness}); "
    return (sys.executable, "-P", "-c", f"{code}from {room} import main; main()")


def yield_to_phones(niceness: int) -> None:
    """Have this process wait where others of usual priority want the processor."""
    if sys.platform == "linux" and os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(niceness)
