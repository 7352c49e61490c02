"""durable_rules 2.0.28: the only file that knows it.

It is used as a matcher, through its C module: a fact of integers goes in, the names of the rules
that match come out, the fact goes away again. What it must never be given, and never is:

- its Host (threads that cannot be stopped), batch calls (they crash on a bad message), a sid of
  its own for each request (1,024 at most), two facts at a time;
- conditions other than equality of single attributes behind a guard: strings compare with numbers,
  keys after the first are ignored, `$nex` alone fires forever, division by zero kills the process;
- more than 64 rules that match at once, which corrupts its memory;
- an action that is started and not completed, which locks the ruleset for 60 seconds;
- any further call to a ruleset that failed, not even to delete it.
"""

import json

import durable_rules_engine as durable

from dfks_rules.errors import DfksError
from dfks_rules.policy.deciding.sheets import CATCH_ALL

_RETRACTED = '{"id":"r"}'
_STATE = "0"
"""The state that the engine keeps for messages without a sid."""
_FAILURES = (durable.error, MemoryError, TypeError, ValueError)
"""What the C module raises, and what its answers raise when they are not of their usual shape."""


class EngineError(DfksError):
    """The engine failed; the ruleset must be dropped."""

    def __init__(self, message: str) -> None:
        super().__init__("policy_engine", message)


class Ruleset:
    """One set of rules inside the engine. Not for two threads: a match is several calls."""

    def __init__(self, definition: str) -> None:
        """Compiles the rules and primes them.

        Args:
            definition: what `sheets.sheet` made; anything else may crash the process.

        Raises:
            EngineError: the engine does not take it, or does not answer as it must.
        """
        try:
            self._handle = durable.create_ruleset("policy", definition)
        except _FAILURES as error:
            raise EngineError(f"cannot compile: {error}") from error
        # The first fact makes the state, without which the ruleset could not be freed.
        self.match('{"id":"r","k":1}')

    def match(self, message: str) -> list[str]:
        """Names of the rules that match, in order of their `pri`, without the catch-all.

        Raises:
            EngineError: the engine failed or lost its way.
        """
        try:
            state = durable.assert_fact(self._handle, message)[1]
            fired = durable.start_action_for_state(self._handle, state)[1]
            names = []
            while fired:
                # `{"name":{"m":{...}}}`
                names.append(fired[2 : fired.index('"', 2)])
                fired = durable.complete_and_start_action(self._handle, state)
            durable.retract_fact(self._handle, _RETRACTED)
        except _FAILURES as error:
            raise EngineError(f"cannot match: {error}") from error
        if not names or names.pop() != CATCH_ALL:
            raise EngineError("the catch-all rule did not fire last")
        return names

    def delete(self) -> None:
        """Frees the memory. The state goes first: `delete_ruleset` alone leaks it."""
        durable.delete_state(self._handle, _STATE)
        durable.delete_ruleset(self._handle)


def self_test() -> None:
    """One small ruleset made, asked and deleted, as a start-up check.

    Raises:
        EngineError: the durable_rules at hand does not do what policies need.
    """
    guard = {"k": 1}
    rules = {
        "second": {"pri": 2, "all": [{"m": {"$and": [guard, {"f0": 1}]}}]},
        "first": {"pri": 1, "all": [{"m": {"$and": [guard, {"a0": 7}, {"f0": 1}]}}]},
        CATCH_ALL: {"pri": 60_000, "all": [{"m": guard}]},
    }
    ruleset = Ruleset(json.dumps(rules))
    both = ruleset.match('{"id":"r","k":1,"a0":7,"f0":1}')
    one = ruleset.match('{"id":"r","k":1,"a0":0,"f0":1}')
    ruleset.delete()
    if (both, one) != (["first", "second"], ["second"]):
        raise EngineError("durable_rules fails its self-test")
