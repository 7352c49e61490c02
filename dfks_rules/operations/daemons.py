"""What may hang, on threads that nobody waits for: not even the process when it ends."""

import asyncio
import contextlib
import errno
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def on_daemon(call: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """What a call gives, which is made on a thread of its own.

    An executor would not do: the interpreter joins its threads on exit, and `asyncio.run` those of
    the loop.

    Args:
        call: what may hang.
        name: of the thread.

    Returns:
        What it gives, or the error that it raises; OSError where no thread can be started.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            told = _result(future, call())
        except Exception as error:  # noqa: BLE001 - it is whoever waits who is told
            told = _failure(future, error)
        with contextlib.suppress(RuntimeError):  # The loop has ended: nobody waits any more.
            loop.call_soon_threadsafe(told)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:
        future.set_exception(OSError(errno.EAGAIN, str(error)))
    return future


def _result(future: "asyncio.Future[T]", value: T) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(value)


def _failure(future: "asyncio.Future[T]", error: Exception) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)
