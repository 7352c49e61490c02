"""How many sets can follow from one: a bound on the whole cascade.

The bound considers a set for each user and domain that rules name, and for one that none names. It
assumes that every rule that may match does, that nothing is denied, and that each user's feature is
set once. The user named by a template is unknown, so each counts as a new one, and as the one that
causes the most sets. So no cascade exceeds the bound, and many are shorter.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.model.decisions import FOLLOWED_SETS, MAX_DEPTH
from dfks_rules.model.features import FEATURES, Feature
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.facts.there import ORIGINS
from dfks_rules.policy.language.alternatives import QUESTIONS, Literals, SignedAtom
from dfks_rules.policy.language.document import Also
from dfks_rules.policy.language.implication import by_fact, excludes
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import PLACEHOLDER, Template
from dfks_rules.policy.lint.ranked import RankedRule, Way
from dfks_rules.policy.site.directory import Directory

_NOBODY = Directory()
MAX_KINDS = 20_000
"""Most kinds of sets that are examined; the others are not reported."""

_OTHER = None
"""A user or domain that no rule names."""
_ANY = "*@"
"""A user or domain named by a template; no real name looks like this."""
_Identity = tuple[str | None, str | None, Feature]
"""Domain, user, feature; each is set at most once in a cascade."""


class _Set(NamedTuple):
    """A kind of set: sets that rules cannot tell apart here."""

    domain: str | None
    user: str | None
    feature: Feature
    origin: Origin
    status: int


class _Child(NamedTuple):
    """A set that follows from another."""

    identity: _Identity | None
    """Whose feature it sets; None when a template decides."""
    key: tuple[str, str, Feature, int]
    """Domain, user and feature as written, and the status, so that duplicates count once. The
    status counts: of two sets of one feature the first is made, and others follow from it."""
    kind: _Set
    """Its kind; for a template, any of several: see `_kinds_of`."""


def many_follow(
    rules: Sequence[RankedRule], directory: Directory = _NOBODY, most: int = FOLLOWED_SETS
) -> Iterator[Finding]:
    """Findings `policy_many_follow`, at the first rule of each cascade that may exceed `most` sets.

    Args:
        rules: in order of precedence.
        directory: says who is in a group.
        most: the number of sets that may follow.
    """
    cascades = _Cascades([rule for rule in rules if rule.rule.effects.also], directory)
    found: dict[str, tuple[int, RankedRule, Feature]] = {}
    for root in cascades.roots():
        first = next((rule for rule, _ in cascades.matching(root)), None)
        if first is None:
            continue
        number = cascades.most_following(root)
        if number > most and number > found.get(first.rule.id, (0, first, root.feature))[0]:
            found[first.rule.id] = (number, first, root.feature)
    for number, rule, feature in found.values():
        yield rule.finding(
            "policy_many_follow",
            phrase(
                "up to {number:,} sets can follow from a set of `{feature}`, first by "
                "rule `{name}`; a server refuses a set from which more than {most} "
                "follow",
                number=number,
                feature=feature.value,
                name=rule.name,
                most=most,
            ),
        )


class _Cascades:
    """All the cascades that rules can cause."""

    def __init__(self, rules: Sequence[RankedRule], directory: Directory) -> None:
        self._directory = directory
        self._index: dict[Feature, dict[str | None, list[tuple[int, RankedRule, Way]]]] = {}
        users: dict[str | None, set[str]] = defaultdict(set)
        for position, rule in enumerate(rules):
            for way in rule.ways:
                named = _users(way)
                for domain in way.domains or (None,):
                    users[None if domain is None else str(domain)] |= set(named or ())
                for question in way.questions:
                    operation, feature = QUESTIONS[question]
                    if operation is Operation.SET and feature is not None:
                        keyed = self._index.setdefault(feature, defaultdict(list))
                        for user in named or (None,):
                            keyed[user].append((position, rule, way))
        self._users = {domain: (*sorted(some), _OTHER) for domain, some in users.items()}
        domains = {one for one in users if one is not None} | self._domains_with_members(rules)
        self._domains = (*sorted(domains), _OTHER)
        everyone = frozenset(user for some in users.values() for user in some)
        self._others = {
            "user": _none_of("user", everyone),
            "domain": _none_of("domain", frozenset(filter(None, self._domains))),
        }
        self._named = everyone
        self._matching: dict[_Set, list[tuple[RankedRule, tuple[Also, ...]]]] = {}
        self._children: dict[_Set, list[_Child]] = {}
        self._most: dict[tuple[_Set, int], int] = {}

    def roots(self) -> Iterator[_Set]:
        """Kinds of sets that somebody may ask for, at most `MAX_KINDS`."""
        left = MAX_KINDS
        origins = (Origin.WATCHER, Origin.OPERATOR)
        for domain in self._domains:
            for user, feature, origin, status in product(
                self._users_at(domain), FEATURES, origins, (1, 0)
            ):
                if feature in self._index:
                    left -= 1
                    if left < 0:
                        return
                    yield _Set(domain, user, feature, origin, status)

    def matching(self, one: _Set) -> list[tuple[RankedRule, tuple[Also, ...]]]:
        """The rules that may match a set, in order of precedence, and the sets each causes."""
        one = one._replace(
            domain=one.domain if one.domain in self._domains else _OTHER,
            user=one.user if one.user in self._named else _OTHER,
        )
        if one not in self._matching:
            groups = self._groups(one)
            keyed = self._index.get(one.feature, {})
            entries = [*keyed.get(None, ()), *(keyed.get(one.user, ()) if one.user else ())]
            found = {
                position: rule
                for position, rule, way in entries
                if (way.domains is None or one.domain in way.domains)
                and not excludes(way.groups, groups)
            }
            self._matching[one] = [
                (found[position], found[position].rule.effects.also) for position in sorted(found)
            ]
        return self._matching[one]

    def most_following(self, one: _Set, depth: int = MAX_DEPTH) -> int:
        """A bound on the number of sets that follow from one down to this depth."""
        if depth == 0:
            return 0
        if (one, depth) not in self._most:
            self._most[one, depth] = self._count(one, depth)
        return self._most[one, depth]

    def _count(self, root: _Set, depth: int) -> int:
        """Users named by rules count once, users named by templates each time."""
        known: dict[_Identity, dict[tuple[_Set, int], None]] = defaultdict(dict)
        known[root.domain, root.user, root.feature][root, depth] = None
        work = [(root, depth)]
        while work:
            one, left = work.pop()
            for child in self._follow(one) if left else ():
                here = (child.kind, left - 1)
                if child.identity is not None and here not in known[child.identity]:
                    known[child.identity][here] = None
                    work.append(here)
        strangers = (max(self._strangers(*kind) for kind in kinds) for kinds in known.values())
        return len(known) - 1 + sum(strangers)

    def _strangers(self, one: _Set, depth: int) -> int:
        """The number of sets that follow by way of users named by templates."""
        return sum(
            1 + self._worst(child.kind, depth - 1)
            for child in (self._follow(one) if depth else ())
            if child.identity is None
        )

    def _worst(self, kind: _Set, depth: int) -> int:
        """The largest number of sets that follow from any one of several sets."""
        if (kind, depth) not in self._most:
            each = (self.most_following(one, depth) for one in self._kinds_of(kind))
            self._most[kind, depth] = max(each, default=0)
        return self._most[kind, depth]

    def _kinds_of(self, kind: _Set) -> Iterator[_Set]:
        domains = self._domains if kind.domain == _ANY else (kind.domain,)
        for domain in domains:
            for user in self._users_at(domain) if kind.user == _ANY else (kind.user,):
                yield kind._replace(domain=domain, user=user)

    def _follow(self, one: _Set) -> list[_Child]:
        if one not in self._children:
            children = {
                child.key: child
                for _, several in self.matching(one)
                for also in several
                for child in self._children_of(one, also)
            }
            self._children[one] = list(children.values())
        return self._children[one]

    def _children_of(self, one: _Set, also: Also) -> Iterator[_Child]:
        if also.group is None:
            yield self._child(one, also)
            return
        status = one.status if also.status == "request" else also.status
        for user in self._directory.members_of(one.domain or "", also.group):
            if user != one.user:
                kind = _Set(one.domain, user, also.feature, Origin.INTERNAL, status)
                key = (one.domain or "", user, also.feature, status)
                yield _Child((one.domain, user, also.feature), key, kind)

    def _domains_with_members(self, rules: Sequence[RankedRule]) -> set[str]:
        """The domains in which somebody is in a group for which sets follow."""
        groups = {also.group for rule in rules for also in rule.rule.effects.also if also.group}
        return {
            domain
            for domain in (self._directory.domains if groups else ())
            if any(self._directory.members_of(domain, group) for group in groups)
        }

    def _child(self, one: _Set, also: Also) -> _Child:
        user, user_known = _who(also.user, "user", one.user)
        domain, domain_known = _who(also.domain, "domain", one.domain)
        domain = domain and domain.lower()
        status = one.status if also.status == "request" else also.status
        kind = _Set(
            domain if domain_known else _ANY,
            user if user_known else _ANY,
            also.feature,
            Origin.INTERNAL,
            status,
        )
        key = (_text(also.domain, "domain"), _text(also.user, "user"), also.feature, status)
        known = user_known and domain_known
        return _Child((domain, user, also.feature) if known else None, key, kind)

    def _users_at(self, domain: str | None) -> tuple[str | None, ...]:
        everywhere = self._users.get(None, (_OTHER,))
        return tuple(dict.fromkeys((*self._users.get(domain, ()), *everywhere)))

    def _groups(self, one: _Set) -> dict[str, Literals]:
        """What is known about a set, as tests of its facts."""
        literals = {
            _is("origin", one.origin.value),
            _is("request.status", one.status),
            _is("user", one.user) if one.user else self._others["user"],
            _is("domain", one.domain) if one.domain else self._others["domain"],
        }
        if one.user and one.domain:
            literals.add(_is("presentity", f"sip:{one.user}@{one.domain}"))
        for fact, origins in ORIGINS.items():
            if one.origin not in origins:
                literals.add(SignedAtom(Atom(fact, "exists", None), positive=False))
        return by_fact(frozenset(literals))


def _users(way: Way) -> list[str]:
    """The users a way names; none when it can also match others."""
    users = [str(user) for user in way.values.get("user", ())]
    return users or [
        str(uri).removeprefix("sip:").rpartition("@")[0] for uri in way.values.get("presentity", ())
    ]


def _who(written: Template | None, fact: str, here: str | None) -> tuple[str | None, bool]:
    """The user or domain a rule names: (name, whether it is known)."""
    text = _text(written, fact)
    if text == f"${{{fact}}}":
        return here, True
    return (None, False) if PLACEHOLDER.search(text) else (text, True)


def _text(written: Template | None, fact: str) -> str:
    return f"${{{fact}}}" if written is None else written.text


def _is(fact: str, value: str | int) -> SignedAtom:
    return SignedAtom(Atom(fact, "eq", value), positive=True)


def _none_of(fact: str, values: frozenset[str]) -> SignedAtom:
    return SignedAtom(Atom(fact, "in", values), positive=False)
