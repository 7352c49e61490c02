"""What a request says of users and of a target → a user that there is, and a number to dial.

Proofs hold for all directories and number plans, so that what refutes one says
`target.class: premium`, or `groups: [guests]`. Where a site has such a number or such a user, these
say it better: the same case then fails in the same way, as it is pasted.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import islice

from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.facts.families import group_in
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.examples import example_targets, numbers_with
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.studying.witness import Facts, Witness, witness_of

MAX_TRIED = 24
"""Most users, and most targets, that are tried for one request, those that fit best first."""
MAX_KINDS = 5_000
"""Most users of a directory that stand for those of whom it says the same."""
MAX_NUMBERS = 80
"""Most numbers with a beginning that a rule asks for."""

Tells = Callable[[Witness], bool]
"""Whether a request still shows what it is to show, as the reference evaluator decides it."""
_FREE = ("target.loop",)
"""Facts of a target that no target has by itself."""
_OF_PRESENTITY = ("groups", "role")
_NAMES = {
    "presentity": ("presentity", "user", "domain"),
    "watcher": ("watcher", "watcher.user", "watcher.domain"),
}
"""Who → the facts that say who it is."""


@lru_cache(4)
def instances_of(site: Site) -> "Instances":
    """The users and targets of a site; they are worked out once."""
    return Instances(site)


class Instances:
    """The users and targets of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def _by_name(self) -> list[tuple[str, str]]:
        """(user, domain) of everybody, sorted."""
        return sorted((one.user, one.domain) for one in self._site.directory.users())

    @cached_property
    def _people(self) -> list[Aor]:
        return list(islice(_kinds_of_users(self._site.directory), MAX_KINDS))

    def named(self, witness: Witness, tells: Tells) -> Witness:
        """The request with users and a target that there are, so far as some still tell it."""
        for who, names in _NAMES.items():
            about = {name for name in witness.given if _is_about(name, who)}
            if about or self._is_nobody(witness.given, names):
                witness = self._first(witness, about, self._users(witness, who, names), tells)
        about = {name for name in witness.given if _is_about(name, "target")}
        if about:
            witness = self._first(witness, about, self._targets(witness), tells)
        return witness

    def as_given(self, given: Mapping[str, object]) -> str | None:
        """Why facts are left that a request has only where files say so; None: none are."""
        left = [name for name in given if _is_about(name, "target")]
        if left:
            return "as given: no number was found that is such a target"
        who = [name for name in _NAMES if any(_is_about(name_, name) for name_ in given)]
        if who and len(self._site.directory):
            return "as given: the directory has no such user"
        return None

    def _first(
        self, witness: Witness, about: set[str], saying: Iterable[Facts], tells: Tells
    ) -> Witness:
        """The request with the first of some facts, in place of those about somebody, that tell."""
        ranked: list[tuple[int, int, Witness]] = []
        tried = 0
        for number, facts in enumerate(saying):
            one = witness_of(facts)
            if one is None:
                continue
            misses = self._misses(one, witness.given, about)
            if misses or tried >= MAX_TRIED:
                ranked.append((misses, number, one))
                continue
            tried += 1
            if tells(one):
                return one
        ranked.sort(key=lambda rank: rank[:2])
        return next((one for _, _, one in ranked[: MAX_TRIED - tried] if tells(one)), witness)

    def _misses(self, one: Witness, given: Facts, about: set[str]) -> int:
        """How many of the facts a request has otherwise than they were given."""
        view = one.view._replace(site=self._site)
        misses = 0
        for name in about:
            wanted, seen = given[name], known_fact(name).read(view)
            if isinstance(wanted, list | tuple) and isinstance(seen, tuple):
                misses += len(set(wanted) - set(seen))
            elif name == "target.number":
                misses += 0 if str(seen).startswith(str(wanted)) else 2
            elif wanted != seen:
                misses += 2
        return misses

    def _users(self, witness: Witness, who: str, names: tuple[str, ...]) -> Iterator[Facts]:
        given = witness.given
        wanted = {name: given[name] for name in names if name in given}
        rest = {
            name: value
            for name, value in given.items()
            if name not in names and not _is_about(name, who)
        }
        for user in self._people:
            said = dict(zip(names, (user.uri, user.user, user.domain), strict=True))
            if all(said[name] == value for name, value in wanted.items()):
                yield _in_order(given, rest, {who: user.uri})
        if names[1] in wanted:
            domain = wanted.get(names[2])
            for user in self._called_like(str(wanted[names[1]]), domain and str(domain)):
                yield _in_order(given, rest, {who: user.uri})

    def _is_nobody(self, given: Facts, names: tuple[str, ...]) -> bool:
        """Whether a user is named who is not in the directory."""
        if names[1] not in given:
            return False
        user, domain = str(given[names[1]]), given.get(names[2])
        first = next(self._called_like(user, domain and str(domain)), None)
        return first is None or first.user != user

    def _called_like(self, start: str, domain: str | None) -> Iterator[Aor]:
        """Users whose names begin so, as what stands for all of them is the beginning."""
        first = bisect_left(self._by_name, (start, ""))
        for name, host in islice(self._by_name, first, first + MAX_KINDS):
            if not name.startswith(start):
                return
            if domain in (None, host):
                yield Aor(name, host)

    def _targets(self, witness: Witness) -> Iterator[Facts]:
        given = witness.given
        rest = {name: value for name, value in given.items() if not _is_about(name, "target")}
        fields = ["request.forwardTo", "stored.forwardTo"]
        if given.get("op") != "set":
            fields = fields[1:]
        for field in fields:
            for text in dict.fromkeys(self._texts(witness)):
                if field not in given:
                    yield _in_order(given, rest, {field: text})

    def _texts(self, witness: Witness) -> Iterator[str]:
        given, presentity = witness.given, witness.view.request.presentity
        number, user = given.get("target.number"), given.get("target.user")
        if user is not None:
            yield f"sip:{user}@{given.get('target.domain', presentity.domain)}"
        elif "target.domain" in given:
            yield f"sip:somebody@{given['target.domain']}"
        if number is not None:
            yield from numbers_with(str(number), MAX_NUMBERS)
            yield str(number)
        if given.get("target.self"):
            yield presentity.uri
        country = given.get("target.country")
        yield from example_targets(
            self._site.targets.plan, presentity.domain, None if country is None else str(country)
        )
        yield from (one.uri for one in self._people if one.domain == presentity.domain)
        yield f"sip:somebody@{presentity.domain}"


def _in_order(given: Facts, rest: Facts, said: Facts) -> Facts:
    """Facts in the order of a case: who and what first."""
    first: Facts = {name: rest[name] for name in ("op", "feature") if name in rest}
    return {**first, **said, **rest} if "presentity" in said else {**rest, **said}


def _is_about(name: str, who: str) -> bool:
    """Whether a fact is what files say about somebody; counts of groups are about nobody."""
    if name in _FREE or not known_fact(name).derived or group_in(name) is not None:
        return False
    head, dot, _ = name.partition(".")
    if who == "presentity":
        return name in _OF_PRESENTITY or (head == "user" and bool(dot))
    return head == who


def _kinds_of_users(directory: Directory) -> Iterator[Aor]:
    """For all of whom the directory says the same, within a domain, one user."""
    seen: set[tuple[FactValue, ...]] = set()
    for user in directory.users():
        attributes = directory.attributes_of(user).items()
        kind = (
            *(user.domain, directory.role_of(user), directory.groups_of(user)),
            *(text for pair in sorted(attributes) for text in pair),
        )
        if kind not in seen:
            seen.add(kind)
            yield user
