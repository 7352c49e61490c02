"""A point of a space of requests → the request that it stands for, and how a case writes it."""

from collections.abc import Iterator, Mapping

from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.studying.witness import Facts, Witness, witness_of

_FORWARDS = ("request.forwardTo", "stored.forwardTo")
_LOCAL = ("date", "time")
_FIRST = ("op", "feature", "origin")


def view_at(model: Mapping[str, FactValue]) -> View:
    """The request at a point, in which derived facts that are absent stay so.

    Args:
        model: fact → its value, None where it is absent.
    """
    view = view_of(_present(model, without=_LOCAL))
    given = {name: value for name, value in model.items() if known_fact(name).derived}
    return view._replace(given=tuple(given.items()))


def witnesses_at(model: Mapping[str, FactValue]) -> Iterator[Witness]:
    """Ways in which a case may write the request at a point, the simplest first.

    A case cannot say that a derived fact is absent: it is as files and the other facts make it. So
    not every one of these need be decided as the request itself is.
    """
    # Facts about a target may stand for the target itself, and local time for the moment.
    about = {value is not None for name, value in model.items() if name.startswith("target.")}
    # If nothing is known about the target, there may be none.
    targets = [_FORWARDS, ()] if True in about else [(), _FORWARDS] if about else [()]
    moments = [("now",), (*_LOCAL, "weekday")] if "now" in model else [()]
    for target in targets:
        for moment in moments:
            witness = witness_of(_present(model, without=(*target, *moment)))
            if witness is not None:
                yield witness


def _present(model: Mapping[str, FactValue], without: tuple[str, ...] = ()) -> Facts:
    names = dict.fromkeys([*_FIRST, *(name for name in FACTS if name in model), *model])
    return {
        name: model[name] for name in names if name not in without and model.get(name) is not None
    }
