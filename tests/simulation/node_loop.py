"""The event loop of one process in virtual time: paused, or killed, while time goes on."""

import asyncio
from asyncio import events
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, cast

from tests.simulation.world import Call, World


class NodeLoop(asyncio.AbstractEventLoop):
    """What a process waits with; each has one, and all of them share the time of the world.

    Nothing of what was waited for happens once it is dead. What is due while it is paused happens
    when it goes on, in order.
    """

    def __init__(self, world: World, offset: float) -> None:
        """It runs.

        Args:
            world: has the time.
            offset: how far this machine's monotonic clock is ahead of it, s.
        """
        self._world = world
        self._offset = offset
        self._is_dead = False
        self._is_paused = False
        self._held: list[tuple[asyncio.Handle, Context | None]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        """Kept for ever: no coroutine ends because nobody has it any more."""
        self.bugs: list[BaseException] = []
        """What tasks have raised that nobody waits for."""

    # --- The process ---

    def die(self) -> None:
        """Kill -9."""
        self._is_dead = True
        self._held.clear()

    def close(self) -> None:
        """The simulation is over: what still waits, or has not begun, never will."""
        self.die()
        for task in self._tasks:
            if not task.done():
                # Whoever waits for something more on its way out does so for ever.
                with suppress(RuntimeError):
                    cast("Coroutine[Any, Any, Any]", task.get_coro()).close()

    def pause(self) -> None:
        """SIGSTOP."""
        self._is_paused = True

    def go_on(self) -> None:
        """SIGCONT."""
        self._is_paused = False
        held, self._held = self._held, []
        for handle, _ in held:
            self._world.later(0.0, self._run, handle)

    def _run(self, handle: asyncio.Handle) -> None:
        if self._is_dead or handle.cancelled():
            return
        if self._is_paused:
            self._held.append((handle, None))
            return
        events._set_running_loop(self)
        try:
            callback, arguments, context = cast("Any", handle)._dfks
            context.run(callback, *arguments)
        finally:
            events._set_running_loop(None)

    # --- What asyncio asks of a loop ---

    def time(self) -> float:
        """Monotonic seconds of this machine."""
        return self._world.now + self._offset

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call in the next turn."""
        return self.call_at(self.time(), callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call after so many seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call at that time."""
        handle = _Handle(when, callback, args, context or copy_context(), self._world, self)
        handle.call = self._world.call_at(when - self._offset, self._run, handle)
        return cast("asyncio.TimerHandle", handle)

    def create_future(self) -> "asyncio.Future[Any]":
        """Something to wait for."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> "asyncio.Task[Any]":
        """Something that goes on by itself."""
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.bugs.append(error)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nobody wants to know of an answer that nobody waited for; everything else is a bug."""
        if "never retrieved" not in context["message"]:
            self.bugs.append(context.get("exception") or RuntimeError(context["message"]))

    def get_debug(self) -> bool:
        """No."""
        return False

    def is_running(self) -> bool:
        """Yes."""
        return True

    def is_closed(self) -> bool:
        """Not in a simulation."""
        return False


class _Handle:
    """`asyncio.TimerHandle`, as far as anybody here asks."""

    __slots__ = ("_dfks", "_is_cancelled", "_when", "call")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: Context,
        _world: World,
        _loop: NodeLoop,
    ) -> None:
        self._when = when
        self._dfks = (callback, arguments, context)
        self._is_cancelled = False
        self.call: Call | None = None

    def cancel(self) -> None:
        """Do not call."""
        self._is_cancelled = True
        if self.call is not None:
            self.call.cancel()

    def cancelled(self) -> bool:
        """Whether it is not to be called."""
        return self._is_cancelled

    def when(self) -> float:
        """When it is due."""
        return self._when
