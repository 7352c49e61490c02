"""What an author is told when a file does not fit the schema."""

from functools import cache

import pytest
from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.model.features import FEATURES
from dfks_rules.policy.reading.exception_schema import exception_schema
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.source import parse
from dfks_rules.policy.reading.validate import validate, validator
from tests.helpers.policy import source


@cache
def schema() -> Draft202012Validator:
    """The schema of policies."""
    return validator(policy_schema())


def findings(rules: str, head: str = "") -> list[Finding]:
    """What is wrong with a file."""
    tree, broken = parse(source(rules, head))
    assert tree is not None, broken
    return [finding for _, finding in validate(tree, schema())]


def one(when: str = "{op: get}", then: str = "{status: 1}") -> str:
    """A file with one rule; its finding stands on line 6 (`when`) or 7 (`then`)."""
    return f"- id: r\n  when: {when}\n  then: {then}\n"


@pytest.mark.parametrize(
    ("when", "column", "code", "message"),
    [
        (
            "{op: sett}",
            16,
            "policy_value",
            "`sett` is not one of `get`, `set`, `subscribe` (did you mean `set`?)",
        ),
        (
            "{feature: DND}",
            21,
            "policy_value",
            f"`DND` is not one of {', '.join(f'`{one.value}`' for one in FEATURES)} "
            "(did you mean `DoNotDisturb`?)",
        ),
        (
            "{statusx: 1}",
            12,
            "policy_unknown_fact",
            "unknown fact `statusx` (did you mean `request.status`?)",
        ),
        (
            "{CFNA.ringCount: 1}",
            12,
            "policy_unknown_fact",
            "unknown fact `CFNA.ringCount` (did you mean `CallForwardingNoAnswer.ringCount`?)",
        ),
        ("{zzz: 1}", 12, "policy_unknown_fact", "unknown fact `zzz`"),
        (
            "{param: 1}",
            19,
            "policy_type",
            '`param` must be text: put it in quotes, `"1"`',
        ),
        (
            "{user: [a, true]}",
            22,
            "policy_type",
            'entry 2 of `user` must be text: put it in quotes, `"true"`',
        ),
        (
            "{request.status: on}",
            28,
            "policy_value",
            "`on` is not one of `0`, `1` (did you mean `1`?)",
        ),
        (
            "{user: {prefixx: a}}",
            19,
            "policy_unknown_matcher",
            "unknown matcher `prefixx` (did you mean `prefix`?)",
        ),
        (
            "{stored.status: {lt: 1}}",
            28,
            "policy_type",
            "fact `stored.status` does not take `lt`; it takes `eq`, `ne`, `in`, `notIn`, "
            "`exists`, `sameAs`",
        ),
        ("{time: {ge: 8:00}}", 23, "policy_value", "`8:00` is not a time of day like `08:30`"),
        (
            "{domain: Acme.example}",
            20,
            "policy_value",
            "`Acme.example` is not a domain in lower case",
        ),
        ("{user: {has: ''}}", 24, "policy_value", "`has` must not be empty"),
        ("{user: []}", 18, "policy_value", "`user` must not be empty"),
        ("{}", 11, "policy_value", "`when` must not be empty"),
        ("{any: {op: get}}", 17, "policy_type", '`any` must be a list, not `{"op": "get"}`'),
        (
            "{groups: sales}",
            20,
            "policy_type",
            "`groups` needs a matcher (`exists`, `has`, `sameAs`), not just `sales`",
        ),
        ("{not: x}", 17, "policy_type", "`not` must be a mapping, not `x`"),
        ("{stored.ringCount: {gt: x}}", 35, "policy_type", "`gt` must be a whole number, not `x`"),
        (
            "{stored.ringCount: -1}",
            30,
            "policy_value",
            "`stored.ringCount` must be at least 0, not `-1`",
        ),
        (f"{{user: {'x' * 513}}}", 18, "policy_limit", "`user` has 513 characters; at most 512"),
        (f"{{user: {['x'] * 501}}}", 18, "policy_limit", "`user` has 501 entries; at most 500"),
    ],
)
def test_mistakes_in_conditions(when: str, column: int, code: str, message: str) -> None:
    """One plain sentence each, at the place, with a suggestion where one is near."""
    assert findings(one(when)) == [Finding("p.yaml", 6, column, code, message)]


@pytest.mark.parametrize(
    ("then", "column", "code", "message"),
    [
        (
            "{status: on}",
            20,
            "policy_value",
            "`on` is not one of `0`, `1`, `request`, `stored` (did you mean `1`?)",
        ),
        (
            "{status: false}",
            20,
            "policy_value",
            "`false` is not one of `0`, `1`, `request`, `stored` (did you mean `0`?)",
        ),
        (
            "{notify: all}",
            20,
            "policy_value",
            "`all` is not one of `true`, `false`, `requester`, `others`",
        ),
        ("{allow: false}", 19, "policy_value", "`false` is not `true`"),
        ("{assigned: 0}", 22, "policy_type", "`assigned` must be `true` or `false`, not `0`"),
        (
            "{assignned: false}",
            12,
            "policy_unknown_effect",
            "unknown effect `assignned` (did you mean `assigned`?)",
        ),
        (
            "{values: {ringCount: 101}}",
            32,
            "policy_value",
            "`ringCount` must be at most 100, not `101`",
        ),
        ("{deny: {text: x}}", 12, "policy_missing", "`deny` has no `reason`"),
        (
            "{deny: No Way}",
            18,
            "policy_value",
            "`No Way` is not a reason, which is a short word of your own: "
            "`deny: {reason: not-allowed, text: …}`",
        ),
        (
            "{deny: {reason: a, answer: reject}}",
            38,
            "policy_value",
            "`reject` is not one of `stored`, `off`, `unassigned`, `reject-403` "
            "(did you mean `reject-403`?)",
        ),
        ("{}", 11, "policy_value", "`then` must not be empty"),
    ],
)
def test_mistakes_in_effects(then: str, column: int, code: str, message: str) -> None:
    """As for conditions."""
    assert findings(one(then=then)) == [Finding("p.yaml", 7, column, code, message)]


def test_mistakes_around_rules() -> None:
    """All of them at once."""
    head = "kindd: x\nband: high\npriority: 1000\nmode: shadw\n"
    found = findings("- idd: a\n  when: {op: get}\n- 7\n", head)
    assert sorted((one.line, one.message) for one in found) == [
        (4, "unknown key `kindd` (did you mean `kind`?)"),
        (5, "`high` is not one of `mandatory`, `normal`, `default`"),
        (6, "`priority` must be at most 999, not `1000`"),
        (7, "`shadw` is not one of `enforce`, `shadow`, `off` (did you mean `shadow`?)"),
        (9, "rule has no `id`"),
        (9, "rule has no `then`"),
        (9, "unknown key `idd` (did you mean `id`?)"),
        (11, "rule must be a mapping, not `7`"),
    ]


@pytest.mark.parametrize("name", ["a\n", "A", "1a", "a_b", "a" * 64, ""])
def test_identifiers_are_plain(name: str) -> None:
    """They go into logs and MI answers."""
    assert findings(f'- id: "{name}"\n  then: {{status: 1}}\n'.replace('\n"', '\\n"')) != []


def test_the_file_itself_must_be_a_mapping_with_what_is_required() -> None:
    """A file that holds something else."""
    for text, message in (
        ("[a]", 'file must be a mapping, not `["a"]`'),
        ("kind: Policy", "file has no `rules`"),
    ):
        tree, _ = parse(source("x")._replace(text=text))
        assert tree is not None
        assert message in [finding.message for _, finding in validate(tree, schema())]


@pytest.mark.parametrize(
    ("expire", "messages"),
    [
        ('"18:00"', ["`18:00` is a time of day, not a duration (did you mean `until 18:00`?)"]),
        ("ofice", ["`ofice` is not understood; write `{during: office}`"]),
        ("120", ["`120` needs a unit: `120m`, `120h` or `120d`"]),
        (
            "true",
            [
                "`true` is neither a duration like `15m`, `2h` or `1d`, nor a time like"
                " `until 18:00`, nor `{during: SCHEDULE}`"
            ],
        ),
        (
            "{schedule: office}",
            ["`expire` has no `during`", "unknown key `schedule` (did you mean `during`?)"],
        ),
        ('{until: "18:00", zone: UTC}', ["unknown key `zone` (did you mean `tz`?)"]),
        ("{until: 6pm}", ["`6pm` is not a time of day like `08:30`"]),
    ],
)
def test_wrong_end_is_told_by_the_form_that_was_meant(expire: str, messages: list[str]) -> None:
    """`expire` has four forms; durations are only the first of them."""
    rules = one("{op: set}", f"{{expire: {expire}}}")
    found = findings(rules, "schedules: {office: {weekly: [Daily 08:00-18:00]}}\n")
    assert sorted(finding.message for finding in found) == messages


def test_wrong_end_is_told_where_schedules_are_wrong_too() -> None:
    """Each mistake is reported, whatever else is wrong."""
    found = findings(one("{op: set}", "{expire: never}"), "schedules: [office]\n")
    assert any("`never` is neither a duration" in finding.message for finding in found)


def test_what_a_file_lacks_is_told_at_its_kind() -> None:
    """Line 1 may be a comment for editors, and says nothing of what a file of this kind needs."""
    text = "# comment\napiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\n"
    tree, _ = parse(source("x")._replace(text=text))
    assert tree is not None
    ((_, finding),) = validate(tree, schema())
    assert str(finding) == "p.yaml:3:1: file has no `rules` [policy_missing]"


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            "{op: set, user: {in: staff}}",
            "`in` must be a list, not `staff`; write `[staff]`, or `{list: staff}` for a list in a"
            " file",
        ),
        ("{op: set, rate.user: '> 3'}", "`rate.user` must be a whole number, not `> 3`; write"),
        (
            "{op: set, time: 22:00-06:00}",
            "`22:00-06:00` is not a time of day: "
            '`any: [{time: {ge: "22:00"}}, {time: {lt: "06:00"}}]`, or a schedule',
        ),
        ("{op: set, time: 08:00-18:00}", '`08:00-18:00` is not a time of day: `{ge: "08:00", lt:'),
        (
            "{op: set, group.sales.DND.off: 1}",
            "unknown fact `group.sales.DND.off` (did you mean `group.sales.DoNotDisturb.off`?)",
        ),
    ],
)
def test_conditions_as_newcomers_write_them_are_answered_with_the_right_form(
    when: str, message: str
) -> None:
    """Found by writing policies for a hotel, a call centre and a clinic."""
    (finding,) = findings(one(when))
    assert finding.message.startswith(message)


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (
            "{deny: Not allowed here}",
            "`Not allowed here` is not a reason, which is a short word of your own: `deny: {reason:"
            " not-allowed, text: …}`",
        ),
        (
            "{reason: no}",
            "unknown effect `reason`; write `values: {reason: …}` or `deny: {reason: …}`",
        ),
        ("{also: DoNotDisturb}", "`also` must be a list, not `DoNotDisturb`; write `[DoNotDist"),
    ],
)
def test_effects_as_newcomers_write_them_are_answered_with_the_right_form(
    then: str, message: str
) -> None:
    """Likewise."""
    (finding,) = findings(one(then=then))
    assert finding.message.startswith(message)


def test_a_condition_beside_the_id_belongs_under_when() -> None:
    """So do facts at the top of an Exception."""
    (finding,) = findings("- {id: r, user: bob, then: {status: 1}}")
    assert finding.message == "unknown key `user`; write `when: {user: …}`"
    text = (
        "apiVersion: dfks/v1\nkind: Exception\nmetadata: {name: e}\nfor: [p/r]\nwhy: x\n"
        "user: bob\nexpires: 2027-01-01\n"
    )
    tree, _ = parse(source("x")._replace(text=text))
    assert tree is not None
    found = validate(tree, validator(exception_schema()))
    assert sorted(finding.message for _, finding in found) == [
        "unknown key `expires` (did you mean `until`?)",
        "unknown key `user`; write `when: {user: …}`",
    ]


def test_a_number_of_thousands_of_digits_is_no_number() -> None:
    """Python refuses to read it; the author gets a finding, and no traceback."""
    (finding,) = findings(
        f"- {{id: a, when: {{op: set, rate.user: {{gt: {'9' * 6_000}}}}}, then: {{deny: no}}}}"
    )
    assert finding.message.startswith("`gt` must be a whole number, not ")
