"""Random policies and hostile requests, as hypothesis strategies."""

from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import strategies as st

from dfks_rules.model.features import FEATURES, ROWS, Snapshot
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.model.values import MAX_TEXT, Choice, Integer, Text
from dfks_rules.policy.facts.fact import Fact, Kind
from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Operand
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.reading.source import Source
from tests.helpers.states import some_state

Question = tuple[FeatureRequest, Snapshot, datetime]
"""What `PolicySet.decide` is asked."""

HOSTILE = [
    "",
    "alice",
    "bob",
    'x"y',
    "x\\",
    '","a0":1,"f0":1,"z":"',
    '{"id":"r"}',
    "nul\x00nul",
    "line\nline",
    "😀 à ﷽",
    "\u202egnirts",
    "1e16",
    "1",
    "+4930123456",
    "sip:+4930123456@example.com",
    "${user}",
    "*[a-z]?",
    "$and",
    "x" * MAX_TEXT,
]
CONSTANTS: dict[Kind, list[Any]] = {
    Kind.TEXT: HOSTILE,
    Kind.DOMAIN: ["example.com", "acme.example", "[2001:db8::1]", 'x"{}$\\.example'],
    Kind.AOR: ["sip:alice@example.com", "sip:bob@acme.example", 'sip:"@example.com', "sip:x"],
    Kind.STATUS: [0, 1],
    Kind.COUNT: [0, 1, 3, 100],
    Kind.IP: ["10.0.0.7", "192.0.2.1", "2001:db8::7"],
    Kind.TIME: ["00:00", "07:59", "12:00", "23:59"],
    Kind.FLAG: [True, False],
    Kind.NAMES: ["sales", "x"],
    Kind.CLASS: ["internal", "unknown", "national", "premium"],
    Kind.COUNTRY: ["DE", "US"],
    Kind.DATE: ["2026-01-05", "2026-12-31", "2024-02-29"],
}
PATTERNS = [".*", "[a-z]+", "(sip:)?\\+[0-9]{6,15}(@.*)?", "(?i)ALICE"]
SCHEDULES = {
    "office": {"tz": "Europe/Berlin", "weekly": ["Mon-Fri 08:00-18:00"], "except": ["2026-01-05"]},
    "night": {"weekly": ["Daily 22:00-08:00"]},
    "yearly": {
        "weekly": ["Mon-Fri 08:00-18:00 in even weeks", "Sat,Sun 00:00-24:00 in odd weeks"],
        "except": ["12-31", "1st Mon of Jan", "easter+1"],
        "also": ["02-29 07:00-08:00"],
    },
    "holidays": {"weekly": ["Mon-Fri 08:00-18:00"], "except": [{"calendar": "days"}]},
}
LISTED = ["alice", "sip:+4930123456@example.com", "+49", "example.com", "sip:bob@acme.example"]
"""The entries of a list, of which some suit every fact that is a text."""
NETWORKS = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "0.0.0.0/0"]

SITE = [
    Source(
        "users.csv",
        "user,domain,groups,role,numbers,manager,team\n"
        "alice,example.com,sales x,owner,201 +4930123456,bob,1\n"
        "bob,acme.example,sales,,201,,1\n"
        "bob,example.com,x,,,alice,x\n",
    ),
    Source(
        "numbers.yaml",
        "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: numbers}\ncountry: DE\n"
        "domains: {acme.example: {country: US, outside: '9'}}\nclasses: {national: ['+4930']}\n",
    ),
]
"""What random policies may know about users and numbers."""
OF_FAMILIES = (
    *("user.manager", "watcher.manager", "user.team", "watcher.team", "target.team"),
    *("group.sales.DoNotDisturb.off", "group.x.DoNotDisturb.on"),
)
"""Facts that no table lists."""
NAMED_LIST = NamedList("listed", frozenset(LISTED))
LIST = Source("listed.csv", "\n".join(["entry", *LISTED]))
"""What they refer to."""
VARS = Source(
    "vars.yaml",
    "apiVersion: dfks/v1\nkind: Vars\nmetadata: {name: shared}\n"
    "vars: {desk: 'sip:desk@example.com', vips: [alice, bob]}\n",
)
CALENDAR = Source(
    "days.ics",
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=YEARLY\r\n"
    "SUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
)
SHARED = [LIST, VARS, CALENDAR]
"""All files that policies refer to."""


class Dumper(yaml.SafeDumper):
    """Writes a value out each time it is used, as policies have no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def one_or_some(pool: list[Any]) -> st.SearchStrategy[Any]:
    """One of these, or a list of some."""
    return st.sampled_from(pool) | st.lists(st.sampled_from(pool), min_size=1, max_size=3)


def operands(fact: Fact, name: str) -> st.SearchStrategy[Any]:
    """Possible operands of a matcher of this fact."""
    constants = list(fact.words) or CONSTANTS.get(fact.kind, [])
    hours = sorted(SCHEDULES)
    pools = {"regex": PATTERNS, "cidr": NETWORKS, "during": hours, "outside": hours}
    match MATCHERS[name].operand:
        case Operand.CONSTANT | Operand.SCHEDULE:
            return st.sampled_from(pools.get(name, constants))
        case Operand.LIST:
            return st.lists(st.sampled_from(constants), min_size=1, max_size=4) | listed(fact)
        case Operand.FLAG | Operand.RANGE as form:
            ranges = st.sampled_from([[0, 0], [1, 3], [0, 999_999_999_999_999]])
            return st.booleans() if form is Operand.FLAG else ranges
        case Operand.FACT:
            every = (*FACTS, *OF_FAMILIES)
            others = [name for name in every if known_fact(name).kind is fact.kind]
            return st.sampled_from([other for other in others if other != fact.name])
        case Operand.TEXTS:
            texts = one_or_some(pools.get(name, [text for text in HOSTILE if text]))
            return texts | listed(fact) if name == "prefix" else texts


def listed(fact: Fact) -> st.SearchStrategy[Any]:
    """The list, where it suits a fact."""
    is_text = fact.kind is Kind.TEXT and fact.name != "target.number"
    return st.just({"list": "listed"}) if is_text else st.nothing()


@st.composite
def one_fact(draw: st.DrawFn) -> dict[str, Any]:
    """A condition on one fact."""
    # Facts that select the shard come up often.
    names = ["op", "feature", "domain", "user", *FACTS, *OF_FAMILIES]
    fact = known_fact(draw(st.sampled_from(names)))
    constants = list(fact.words) or CONSTANTS.get(fact.kind, [])
    takes = [matcher.name for matcher in MATCHERS.values() if fact.kind in matcher.kinds]
    if fact.kind is Kind.TEXT and not fact.words and draw(st.integers(0, 9)) == 0:
        return {fact.name: [{"var": "vips"}, "carol"]}
    if "eq" in takes and draw(st.booleans()):
        return {fact.name: draw(one_or_some(constants))}
    chosen = draw(st.lists(st.sampled_from(takes), min_size=1, max_size=2, unique=True))
    return {fact.name: {name: draw(operands(fact, name)) for name in chosen}}


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One condition with all these keys."""
    return {key: value for part in parts for key, value in part.items()}


CONDITIONS = st.recursive(
    st.lists(one_fact(), min_size=1, max_size=2).map(merged),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)

EFFECTS: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"status": 0},
        {"status": 1, "values": {"forwardTo": "sip:vm@example.com", "ringCount": 5}},
        {"status": "stored", "final": True},
        {"status": "request", "notify": "others"},
        {"assigned": False, "notify": False},
        {"deny": "no"},
        {"deny": {"reason": "off", "answer": "off"}, "notify": "requester"},
        {"deny": {"reason": "gone", "answer": "unassigned", "text": "${user} to ${target.number}"}},
        {"deny": {"reason": "liftable", "exceptions": True}},
        {"deny": {"reason": "spoken", "exceptions": True, "text": "no, ${user}"}, "final": True},
        {"log": "${user} ${watcher} ${request.forwardTo}"},
        {"allow": True},
        {"values": {"forwardTo": {"template": "sip:vm-${user}@${domain}", "default": "sip:vm"}}},
        {"values": {"forwardTo": {"from": "stored.forwardTo"}}},
        {"values": {"forwardTo": {"from": "request.forwardTo", "as": "e164", "prefix": "0"}}},
        {"values": {"forwardTo": {"from": "request.forwardTo", "strip": "sip:", "default": "x"}}},
        {"values": {"forwardTo": {"var": "desk"}}},
        {"values": {"ringCount": {"from": "request.ringCount", "min": 2, "max": 9}}},
        {"also": [{"feature": "DoNotDisturb", "status": "request", "user": "${param}-2"}]},
        {"also": [{"feature": "CallForwardingBusy", "status": 1}], "final": True},
        {"also": [{"feature": "DoNotDisturb", "status": 0, "domain": "acme.example"}]},
        {"also": [{"feature": "DoNotDisturb", "status": "request", "group": "sales"}]},
        {"expire": "2h"},
        {"expire": {"until": "12:00", "tz": "Europe/Berlin"}, "status": 1},
        {"expire": {"during": "night"}, "final": True},
        {"also": [{"feature": "DoNotDisturb", "status": 1, "user": "${user.manager}"}]},
        {"values": {"forwardTo": {"from": "watcher.team"}}},
    ]
)

_OF_OPERATION = {"also": "set", "expire": "set", "allow": "subscribe"}
"""Effect → the operation that rules must ask for to have it."""


def _asking(when: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """A condition that the effects go with: else few such rules would pass the check."""
    asked = [operation for effect, operation in _OF_OPERATION.items() if effect in then]
    return {"all": [{"op": asked[0]}, when]} if asked else when


@st.composite
def files(draw: st.DrawFn) -> list[Source]:
    """Some policies, what they share, perhaps an Exception, without what the check refuses."""
    sources = [*SHARED]
    denials: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        policy: dict[str, Any] = {
            "apiVersion": "dfks/v1",
            "kind": "Policy",
            "metadata": {"name": f"p{number}"},
            "band": draw(st.sampled_from(["mandatory", "normal", "default"])),
            # No two policies have equal precedence, so that their order cannot matter.
            "priority": draw(st.integers(0, 99)) * 10 + number + 1,
            "schedules": SCHEDULES,
            "mode": draw(st.sampled_from(["enforce", "enforce", "enforce", "shadow"])),
            "scope": draw(st.just({"origin": {"exists": True}}) | one_fact()),
        }
        rules: list[dict[str, Any]] = []
        for position in range(draw(st.integers(1, 5))):
            then: dict[str, Any] = draw(EFFECTS)
            when = _asking(draw(CONDITIONS), then)
            rule: dict[str, Any] = {"id": f"r{position}", "when": when, "then": then}
            if draw(st.integers(0, 5)) == 0:
                rule["mode"] = draw(st.sampled_from(["shadow", "off"]))
            if draw(st.integers(0, 3)) == 0:
                rule["unless"] = draw(CONDITIONS)
            if not check([*SHARED, dumped({**policy, "rules": [rule]})])[1]:
                rules.append(rule)
        if not check([*SHARED, dumped({**policy, "rules": []})])[1]:
            sources.append(dumped({**policy, "rules": rules}))
            name = policy["metadata"]["name"]
            denials += [
                f"{name}/{rule['id']}"
                for rule in rules
                if _is_liftable(rule["then"]) and rule.get("mode") != "off"
            ]
    if draw(st.booleans()) and denials:
        # A second one could have the same precedence.
        exception: dict[str, Any] = {
            "apiVersion": "dfks/v1",
            "kind": "Exception",
            "metadata": {"name": "e"},
            "band": draw(st.sampled_from(["mandatory", "normal"])),
            "for": draw(st.lists(st.sampled_from(denials), min_size=1, unique=True)),
            "schedules": SCHEDULES,
            "why": "random",
            "when": draw(CONDITIONS),
        }
        if not check([*sources, dumped(exception)])[1]:
            sources.append(dumped(exception))
    return sources


def changeable(sources: list[Source]) -> list[tuple[int, int]]:
    """(File, rule in it) of all rules that no Exception names, so that they may say anything."""
    documents = [yaml.safe_load(one.text) if "rules:" in one.text else {} for one in sources]
    lifted = {
        name for one in sources if one.file == "e.yaml" for name in yaml.safe_load(one.text)["for"]
    }
    return [
        (number, position)
        for number, document in enumerate(documents)
        for position, rule in enumerate(document.get("rules", []))
        if f"{document['metadata']['name']}/{rule['id']}" not in lifted
    ]


def _is_liftable(then: dict[str, Any]) -> bool:
    return isinstance(then.get("deny"), dict) and "exceptions" in then["deny"]


def dumped(policy: dict[str, Any]) -> Source:
    """The policy as a file."""
    return Source(f"{policy['metadata']['name']}.yaml", yaml.dump(policy, Dumper=Dumper))


TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=20)
MAYBE_TEXTS = st.none() | TEXTS
AORS = st.builds(Aor, TEXTS, st.sampled_from([*CONSTANTS[Kind.DOMAIN], "other.example"]))


def moment(text: str) -> datetime:
    """A moment like `2026-01-05T12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MOMENTS = st.sampled_from(["2026-01-05T12:00", "2026-12-31T23:59", "2024-02-29T07:58"]).map(moment)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A request that no peer would make by accident, and what is stored."""
    operation = draw(st.sampled_from(Operation))
    feature = None if operation is Operation.SUBSCRIBE else draw(st.sampled_from(FEATURES))

    def pick(kind: Text | Integer | Choice) -> str | int | None:
        match kind:
            case Text():
                return draw(MAYBE_TEXTS)
            case Integer():
                return draw(st.sampled_from([None, 1, 3, 100]))
            case Choice(words):
                return draw(st.sampled_from([None, *words]))

    states = [some_state(one, draw(st.booleans()), pick) for one in FEATURES]
    asked = None
    if feature is not None and operation is Operation.SET:
        # Mostly nonsense, as a target for DoNotDisturb.
        about = feature if ROWS[feature].spelling else draw(st.sampled_from(FEATURES))
        asked = some_state(about, draw(st.booleans()), pick)
    presentity = draw(AORS)
    if draw(st.booleans()):
        requester = Requester(Origin.OPERATOR, param=draw(MAYBE_TEXTS))
    else:
        watcher = draw(st.just(presentity) | AORS)
        source_ip = draw(st.sampled_from(["10.0.0.7", "::ffff:10.1.1.1", "2001:db8::7", "junk"]))
        transport = draw(st.sampled_from(["udp", "tcp"]))
        agent = draw(MAYBE_TEXTS)
        requester = Requester(
            Origin.WATCHER,
            watcher,
            draw(MAYBE_TEXTS),
            agent,
            transport,
            source_ip,
            None,
            draw(st.sampled_from([None, Identity(watcher, AuthMethod.DIGEST, watcher.user)])),
        )
    request = FeatureRequest(operation, presentity, requester, feature, asked)
    return request, Snapshot(1, tuple(states)), draw(MOMENTS)


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[Source], list[Source]]:
    """Two sets of policies, of which one rule says something else in the second."""
    old = draw(files().filter(changeable))
    number, position = draw(st.sampled_from(changeable(old)))
    policy = yaml.safe_load(old[number].text)
    effects = st.sampled_from([{"deny": "changed"}, {"notify": "others"}, {"log": "x ${user}"}])
    policy["rules"][position]["then"] = draw(effects)
    return old, [*old[:number], dumped(policy), *old[number + 1 :]]
