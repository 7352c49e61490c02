"""Ways to match that no request can take, given what is known about requests.

`implication` looks at facts one by one. This file knows how they depend on one another: an operator
has no `watcher`, DoNotDisturb has no target, and a set always has a status.
"""

from dfks_rules.model.requests import Origin
from dfks_rules.policy.facts.there import ALWAYS, ORIGINS, features_with
from dfks_rules.policy.language.alternatives import QUESTIONS, Alternative, Literals, SignedAtom
from dfks_rules.policy.language.implication import by_fact, contradicted
from dfks_rules.policy.language.matchers import Atom

_ASKS = {
    Origin.WATCHER: "a phone",
    Origin.OPERATOR: "an operator",
    Origin.INTERNAL: "a set that follows",
}


def why_impossible(way: Alternative) -> str | None:
    """Why no request can take a way whose facts, taken one by one, are free of contradiction.

    Returns:
        A reason to follow `rule can never match: `; None when a request may take it.
    """
    return _of_absent(way) or _of_origin(way.literals) or _of_feature(way)


def _of_absent(way: Alternative) -> str | None:
    operations = {QUESTIONS[question][0] for question in way.questions}
    for name, group in sorted(by_fact(way.literals).items()):
        if operations <= ALWAYS.get(name, frozenset()):
            there = SignedAtom(Atom(name, "exists", None), positive=True)
            if contradicted(group | {there}):
                if SignedAtom(there.atom, positive=False) in group:
                    return f"`{name}` is never absent"
                return f"its conditions on `{name}` leave no possible value"
    return None


def _of_origin(literals: Literals) -> str | None:
    tests = [literal for literal in literals if literal.atom.fact == "origin"]
    left = {
        origin
        for origin in Origin
        if all(atom.holds({"origin": origin.value}.get) == positive for atom, positive in tests)
    }
    for name in sorted(_needed(literals)):
        if not left & ORIGINS.get(name, left):
            asking = [text for origin, text in _ASKS.items() if origin in left]
            return f"{' and '.join(asking)} {'has' if len(asking) == 1 else 'have'} no `{name}`"
    for one in sorted(_needed(literals)):
        for other in sorted(_needed(literals)):
            if not ORIGINS.get(one, left) & ORIGINS.get(other, left):
                return f"no request has both `{one}` and `{other}`"
    return None


def _of_feature(way: Alternative) -> str | None:
    features = {QUESTIONS[question][1] for question in way.questions}
    for name in sorted(_needed(way.literals)):
        if None not in features and not features & features_with(name):
            named = sorted(f"`{one.value}`" for one in features if one)
            return f"{' and '.join(named)} {'has' if len(named) == 1 else 'have'} no `{name}`"
    return None


def _needed(literals: Literals) -> set[str]:
    """Facts that must be present."""
    return {fact for atom, positive in literals if positive for fact in atom.facts}
