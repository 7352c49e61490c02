"""Random tests of facts, random values, and which values have no representative.

Values are those that tests are about, mutated: a purely random text passes no test at all.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import product
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.language.matchers import Atom, Named
from dfks_rules.policy.language.schedules import Schedule, parse_schedule
from dfks_rules.policy.proof.addresses import distinct_addresses
from dfks_rules.policy.proof.moments import distinct_moments
from dfks_rules.policy.proof.numbers import distinct_counts, distinct_ips
from dfks_rules.policy.proof.shapes import ANY_TEXT, DOMAIN, USER_OR_NONE
from dfks_rules.policy.proof.texts import distinct_texts
from tests.helpers.outcomes import atom, outcome

Failure = tuple[Sequence[Atom], Any]
"""Tests, and a value that is like no representative."""
Theory = Callable[[Random, int], Iterator[Failure]]
"""(Chance, number of values) → the failures, for one random set of tests."""

_PARTS = ["a", "ab", "B", "1", "+49", "+4930", "é", "Yealink", "T46", "x.y", "ba", "ab1"]
_GLOBS = ["a*", "*b", "*a*b?", "[!a]*", "+49[0-3]*", "?", "*T4[0-9]*", "*"]
_REGEXES = [
    *("[a-d]?", "[a-e]?", r"\d{1,3}", r"\+\d+", "(ab|ba)*", "(?i)yealink.*", "(?i)[^a]b+", ".*"),
    *(r"\w+1?", "[^@]*", "[^@.]*b", "a{2,5}", "(a|b1?){1,3}", "^ab?$", r"\D*", "a.b", "é|[à-ü]+"),
]
_LETTERS = "abABe1239+.@ -é\nyY"

_PRESENTITIES = ["sip:a@b", "sip:ab@b.x", "sip:a1@x.y", "sip:bob@x.y", "sip:x.y"]
_OF_ADDRESSES = {
    "eq": _PRESENTITIES,
    "prefix": ["sip:a", "sip:ab", "sip:a@", "sip:b"],
    "suffix": ["@b", "b.x", "1@x.y", "y"],
    "has": ["a@b", "b", "@x", "1"],
    "glob": ["sip:*1@*", "sip:a?@*.y", "*b.?", "sip:*@[a-c]*"],
    "regex": [r"sip:[^@]*b@b.*", r"sip:a\d?@[a-x.]*", r"sip:(ab)*@(x\.)*y", r"(?i)sip:[^@]*@B"],
}

_NETWORKS = [
    *("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/30", "10.1.2.3/32", "192.0.2.0/24", "0.0.0.0/1"),
    *("2001:db8::/32", "2001:db8::/127", "::/1", "::ffff:0:0:0/95", "fe80::/10"),
]
_IPS = ["10.1.2.3", "10.1.2.0", "192.0.2.1", "2001:db8::1"]

_ZONES = [ZoneInfo(key) for key in ("Etc/UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")]
_YEARS = range(2026, 2028)
_WRITTEN: list[dict[str, Any]] = [
    {"weekly": ["Mon-Fri 08:00-12:00,13:00-18:00"]},
    {"tz": "Europe/Berlin", "weekly": ["Sat 22:00-06:00"], "except": ["12-25", "2027-06-05"]},
    {"tz": "America/New_York", "weekly": ["Daily 01:30-02:30"], "also": ["2026-11-01 01:00-01:10"]},
    {"tz": "Australia/Lord_Howe", "also": ["2026-04-05 01:40-02:20", "2027-04-04 00:00-24:00"]},
    {"weekly": ["Tue 23:30-00:30 in even weeks"], "except": ["2nd Wed of Sep", "easter+1"]},
    {"tz": "Europe/Berlin", "also": ["2026-10-25 02:10-02:40", "last Fri 12:00-12:01"]},
]
_HEART = [
    *(datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)),
    *(datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 12, 25, tzinfo=UTC)),
    *(datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2027, 4, 4, tzinfo=UTC)),
    *(datetime(2026, 9, 9, tzinfo=UTC), datetime(2027, 3, 29, tzinfo=UTC)),
    *(datetime(2027, 6, 6, tzinfo=UTC), datetime(2026, 1, 30, tzinfo=UTC)),
]
"""When clocks change, and days that are excepted or follow one."""
_MINUTES = [0, 90, 120, 150, 360, 480, 660, 720, 780, 1080, 1320, 1410, 1439]
"""When something begins or ends, by some clock."""
_VIEW = view_of({"op": "subscribe"})


def texts(chance: Random, number: int) -> Iterator[Failure]:
    """Values of a fact of texts."""
    atoms = [_text_test(chance, "userAgent") for _ in range(chance.randint(1, 6))]
    if chance.random() < 0.2:
        low = chance.choice([0, 1, 9, 11, 301, 1000])
        atoms.append(atom("userAgent", "between", [low, low + chance.choice([0, 1, 39, 2000])]))
    found = distinct_texts(atoms, shape=ANY_TEXT, copies=chance.randint(1, 2))
    had = {outcome(atoms, text) for text in found}
    for _ in range(number):
        value = _mutated(chance, chance.choice([*found, *_PARTS, "9", "1001"]), _LETTERS)
        if outcome(atoms, value) not in had:
            yield atoms, value


def addresses(chance: Random, number: int) -> Iterator[Failure]:
    """Users and domains."""
    whole = [_address_test(chance) for _ in range(chance.randint(1, 3))]
    of_user = [_text_test(chance, "watcher.user") for _ in range(chance.randint(0, 2))]
    of_domain = [_text_test(chance, "watcher.domain") for _ in range(chance.randint(0, 1))]
    if chance.random() < 0.1:  # which values fail only because they are too long
        whole = [atom("watcher", "regex", r"sip:(ab)*@(x\.)*y")]
        of_user = [atom("watcher.user", "regex", "(ab)+")]
        of_domain = [atom("watcher.domain", "eq", "y")]
    shapes = (USER_OR_NONE, DOMAIN)
    users, domains = distinct_addresses(whole, of_user, of_domain, shapes=shapes)

    @lru_cache(None)
    def said(user: str, domain: str) -> tuple[bool, ...]:
        parts = (whole, Aor(user, domain).uri), (of_user, user), (of_domain, domain)
        return tuple(one for atoms, value in parts for one in outcome(atoms, value))

    had = {said(*pair) for pair in product(users, domains)}
    for _ in range(number):
        user = _mutated(chance, chance.choice([*users, "", "a", "ab", "a1"]), "ab1B+.")
        domain = _mutated(chance, chance.choice([*domains, "b", "x.y", "y"]), "abxy.1")
        if chance.random() < 0.15:
            user, domain = chance.choice(["ab", user or "a"]) * 512, chance.choice(["y", domain])
        can_be = USER_OR_NONE.has(user[:512]) and DOMAIN.has(domain[:512])
        if can_be and said(user[:512], domain[:512]) not in had:
            yield [*whole, *of_user, *of_domain], (user, domain)


def ips(chance: Random, number: int) -> Iterator[Failure]:
    """Network addresses, near the ends of networks."""
    atoms = [
        atom("source.ip", "cidr", chance.sample(_NETWORKS, chance.randint(1, 2)))
        for _ in range(chance.randint(1, 4))
    ]
    atoms.append(atom("source.ip", "in", chance.sample(_IPS, 2)))
    found = distinct_ips(atoms)
    had = {outcome(atoms, address) for address in found}
    for _ in range(number):
        near = ip_address(chance.choice([*_IPS, *found, *(one.split("/")[0] for one in _NETWORKS)]))
        wide = 2 ** (32 if isinstance(near, IPv4Address) else 128)
        step = chance.choice([0, 1, 2, 3, 4, 255, 256, 2**16, 2**24, 2**31, wide >> 1])
        there = (int(near) + chance.choice([-1, 1]) * step) % wide
        value = str(IPv4Address(there) if wide == 2**32 else IPv6Address(there))
        if wide == 2**32 and chance.random() < 0.2:
            value = f"::ffff:{value}"
        if outcome(atoms, value) not in had:
            yield atoms, value


def counts(chance: Random, number: int) -> Iterator[Failure]:
    """Counts."""
    ordered = ["lt", "le", "gt", "ge", "eq"]
    atoms = [
        atom("rate.user", chance.choice(ordered), chance.choice([0, 1, 5, 6, 20, 1000]))
        for _ in range(chance.randint(1, 4))
    ]
    had = {outcome(atoms, count) for count in distinct_counts(atoms)}
    for _ in range(number):
        value = chance.choice([chance.randrange(30), chance.randrange(990, 1010)])
        if outcome(atoms, value) not in had:
            yield atoms, value


def moments(chance: Random, number: int) -> Iterator[Failure]:
    """Minutes of some years, most of them when clocks change or days are excepted."""
    zone = chance.choice(_ZONES)
    times = ["00:00", "02:30", "08:00", "12:00", "23:59"]
    days = ["2026-03-29", "2026-10-25", "2026-12-25", "2027-01-01"]
    atoms = [atom("now", "during", Named("s", one)) for one in chance.sample(_schedules(), 2)]
    atoms += [
        atom("time", chance.choice(["lt", "le", "gt", "ge", "eq"]), chance.choice(times)),
        atom("date", chance.choice(["lt", "le", "gt", "ge", "eq"]), chance.choice(days)),
        atom("weekday", "in", chance.sample(["mon", "tue", "sat", "sun"], 2)),
    ]
    atoms = chance.sample(atoms, chance.randint(1, len(atoms)))
    if chance.random() < 0.1:  # the night after an excepted day
        zone, night = ZoneInfo("Europe/Berlin"), [("ge", "03:00"), ("lt", "06:00")]
        atoms = [atom("time", *test) for test in night]
        atoms += [atom("weekday", "eq", "sun"), atom("now", "during", Named("s", _schedules()[1]))]

    def said(at: datetime) -> tuple[bool, ...]:
        lookup = facts_of(_VIEW._replace(at=at))
        return tuple(one.holds(lookup) for one in atoms)

    had = {said(at) for at in distinct_moments(atoms, zone=zone, years=_YEARS)}
    for _ in range(number):
        start, minutes = datetime(2026, 1, 1, 12, tzinfo=UTC), chance.randrange(729 * 1440)
        if chance.random() < 0.8:
            start = chance.choice(_HEART).replace(hour=0)
            near = chance.choice(_MINUTES) - chance.choice([0, 60, 120]) + chance.choice([-1, 0, 1])
            minutes = chance.choice([near, chance.randrange(-1440, 2880)])
        at = (start + timedelta(minutes=minutes)).astimezone(zone)
        if said(at) not in had:
            yield atoms, at


THEORIES: dict[str, Theory] = {
    one.__name__: one for one in (texts, addresses, ips, counts, moments)
}
"""By name."""


@lru_cache
def _schedules() -> list[Schedule]:
    return [parse_schedule(written) for written in _WRITTEN]


def _text_test(chance: Random, fact: str) -> Atom:
    pools = {"glob": _GLOBS, "regex": _REGEXES}
    name = chance.choice(["eq", "in", "prefix", "suffix", "has", "glob", "regex", "regex"])
    pool = pools.get(name, _PARTS)
    return atom(fact, name, chance.choice(pool) if name == "eq" else chance.sample(pool, 2))


def _address_test(chance: Random) -> Atom:
    name = chance.choice([*_OF_ADDRESSES, "in"])
    pool = _OF_ADDRESSES["eq" if name == "in" else name]
    return atom("watcher", name, chance.choice(pool) if name == "eq" else chance.sample(pool, 2))


def _mutated(chance: Random, text: str, letters: str) -> str:
    """The text with up to three characters changed, put in, taken out, or a part repeated."""
    for _ in range(chance.randint(0, 3)):
        place, letter = chance.randint(0, len(text)), chance.choice(letters)
        before, after = text[:place], text[place:]
        text = chance.choice(
            [before + letter + after, before + letter + after[1:], before + after[1:], before * 2]
        )
    return text[:512]
