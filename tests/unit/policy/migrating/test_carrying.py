"""Scripts of OpenSIPS → policies."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.migrating import carrying
from dfks_rules.policy.migrating.carrying import (
    Carried,
    CarriedRule,
    carry,
    policy_text,
    policy_texts,
)
from dfks_rules.policy.migrating.walking import Note
from dfks_rules.policy.reading.source import Source

ALICE = {"presentity": "sip:alice@example.com", "feature": "CallForwardingAlways"}
ON = {**ALICE, "op": "set", "request.status": 1, "request.forwardTo": "sip:+4930123@pbx"}


def script(body: str, route: str = "dfks_set", more: str = "") -> str:
    """A script with one route."""
    return f"{more}\nroute[{route}] {{\n{indent(dedent(body).strip(), '  ')}\n}}\n"


@contextmanager
def carried(text: str, notes: tuple[Note, ...] = ()) -> Iterator[PolicySet]:
    """The policies that a script becomes, and nothing more is left out."""
    found = carry(text)
    assert found.notes == notes
    with closing(load([Source("p.yaml", policy_text(found, "p", "opensips.cfg"))])) as policies:
        yield policies


def answer(policies: PolicySet, asked: dict[str, Any]) -> dict[str, Any]:
    """What the policies decide, as cases write it."""
    return answer_of(policies.decide_view(view_of(asked)))


def decided(text: str, asked: dict[str, Any], *notes: Note) -> dict[str, Any]:
    """What the rules of a script decide."""
    with carried(text, notes) as policies:
        return answer(policies, asked)


@pytest.mark.parametrize(
    ("body", "asked", "field", "value"),
    [
        ("$dfks(status) = 0;", {}, "status", 0),
        ('$dfks(status) = "0";', {}, "status", 0),
        ("$dfks(status) = 0; $dfks(status) = 1;", {}, "status", 1),
        ("$dfks(notify) = 0;", {}, "notify", False),
        ("$dfks(assigned) = 0;", {}, "assigned", False),
        ('if ($dfks(feature) == "DoNotDisturb") $dfks(status) = 0;', {}, "status", 1),
        ('if ($dfks(feature) != "DoNotDisturb") { $dfks(status) = 0; }', {}, "status", 0),
        ("if ($dfks(status) == 1 && $rU == alice) $dfks(status) = 0;", {}, "status", None),
        ('if ($dfks(status) == 1 && $rU == "alice") $dfks(status) = 0;', {}, "status", 0),
        ('if ($rU == "bob" || $rU == "alice") $dfks(status) = 0;', {}, "status", 0),
        ('if (!($rU == "alice")) $dfks(status) = 0;', {}, "status", 1),
        ('if (not $rU == "bob" and $rd == "example.com") $dfks(status)=0;', {}, "status", 0),
        ('if ("alice" == $rU) $dfks(status) = 0;', {}, "status", 0),
        ("if ($fU == $rU) $dfks(status) = 0;", {}, "status", 0),
        (r'if ($dfks(value/forwardTo) =~ "^sip:\+49") $dfks(status) = 0;', {}, "status", 0),
        ('if ($dfks(value/forwardTo) =~ "SIP:.49.*@PBX$") $dfks(status) = 0;', {}, "status", 0),
        ('if ($dfks(value/forwardTo) !~ "4930") $dfks(status) = 0;', {}, "status", 1),
        ('if ($dfks(value/forwardTo) =~ "^(tel|sip):") $dfks(status) = 0;', {}, "status", 0),
        ("if ($dfks(value/forwardTo) == NULL) $dfks(status) = 0;", {}, "status", 1),
        ("if ($dfks(value/forwardTo)) $dfks(status) = 0;", {}, "status", 0),
        ("if ($dfks(param)) $dfks(status) = 0;", {}, "status", 1),
        ('$dfks(value/forwardTo) = "sip:vm-" + $rU + "@vm";', {}, "values", "sip:vm-alice@vm"),
        ('$dfks(value/forwardTo) = "sip:$rU@vm";', {}, "values", "sip:alice@vm"),
        ('$var(x) = "sip:x"; $dfks(value/forwardTo) = $var(x);', {}, "values", "sip:x"),
        ("$dfks(value/forwardTo) = $fu;", {}, "values", "sip:alice@example.com"),
        ('if ($rU == "alice") exit; $dfks(status) = 0;', {}, "status", 1),
        ('if ($rU == "bob") exit; $dfks(status) = 0;', {}, "status", 0),
        ('if ($rU == "alice") { if ($rd == "x") return; } $dfks(status) = 0;', {}, "status", 0),
        ("exit; $dfks(status) = 0;", {}, "status", 1),
        ('xlog("$dfks(presentity)");', {}, "log", ["sip:alice@example.com"]),
        ('xlog("L_INFO", "by $fU\\n");', {}, "log", ["by alice"]),
        (
            'if ($rU == "alice") { $dfks(status) = 0; break; } $dfks(notify) = 0;',
            {},
            "notify",
            True,
        ),
        ('$var(x) = $rU; if ($var(x) == "alice") $dfks(status) = 0;', {}, "status", 0),
        ('#!define WHO "alice"\nif ($rU == WHO) $dfks(status) = 0;', {}, "status", 0),
        ('if ($(ru{uri.user}{s.substr,0,2}) == "al") $dfks(status) = 0;', {}, "status", 0),
        ('/* no */ # no\n$dfks(status) = 0; // "', {}, "status", 0),
    ],
)
def test_a_route_of_sets_does_what_the_script_does(
    body: str, asked: dict[str, Any], field: str, value: object
) -> None:
    """One line for each piece of the language."""
    if value is None:
        assert carry(script(body)).notes == (Note(3, "what is compared is not understood"),)
        return
    seen = decided(script(body), {**ON, **asked})[field]
    assert (seen["forwardTo"] if field == "values" else seen) == value


@pytest.mark.parametrize(
    ("feature", "status", "assigned"),
    [
        ("CallForwardingBusy", 1, True),
        ("CallForwardingNoAnswer", 1, True),
        ("DoNotDisturb", 0, False),
        ("CallForwardingAlways", 0, True),
    ],
)
def test_cases_of_a_switch_lead_into_the_next_one_without_a_break(
    feature: str, status: int, assigned: bool
) -> None:
    """As in C."""
    text = script(
        """
        switch ($dfks(feature)) {
          case "CallForwardingBusy":
          case "CallForwardingNoAnswer":
            $dfks(status) = 1;
            break;
          case "DoNotDisturb":
            $dfks(assigned) = 0;
          default:
            $dfks(status) = 0;
        }
        """,
        "dfks_get",
    )
    seen = decided(text, {"op": "get", "feature": feature, "stored.status": 1})
    assert (seen["status"], seen["assigned"]) == (status, assigned)


def test_a_break_within_a_case_ends_the_switch_and_not_the_route() -> None:
    """What follows the switch is still done."""
    text = script(
        """
        switch ($rU) {
          case "alice":
            if ($dfks(status) == 1) { $dfks(assigned) = 0; break; }
            $dfks(notify) = 0;
          case "bob":
            $dfks(value/ringCount) = 3;
        }
        $dfks(status) = 0;
        """
    )
    asked = {**ON, "feature": "CallForwardingNoAnswer"}
    with carried(text) as policies:
        on = answer(policies, asked)
        off = answer(policies, {**asked, "request.status": 0})
    seen = [(one["status"], one["assigned"], one["notify"]) for one in (on, off)]
    assert seen == [(0, False, True), (0, True, False)]
    assert [one["values"]["ringCount"] for one in (on, off)] == [None, 3]


def test_what_was_assigned_before_a_return_is_not_read_after_it() -> None:
    """But it is, by what called the route."""
    body = (
        'if ($rU == "x") { $dfks(status) = 0; return; } if ($dfks(status) == 1) $dfks(notify) = 0;'
    )
    assert carry(script(body)).notes == ()
    helper = 'route[helper] { if ($rU =~ "x") { $dfks(status) = 0; return; } }'
    text = script("route(helper);\nif ($dfks(status) == 1) $dfks(notify) = 0;", more=helper)
    assert carry(text).notes == (Note(4, "`$dfks(status)` is read after it was assigned"),)


RETURNS = "".join(
    f'if ($rU == "u{n}") {{ $dfks(value/forwardTo) = "sip:{n}@x"; return; }}\n'
    for n in range(2_000)
)
CASES = "".join(
    f'case "u{n}":\n$dfks(value/forwardTo) = "sip:{n}@x";\nbreak;\n' for n in range(2_000)
)
CHAIN = " else ".join(
    f'if ($rU == "u{n}") $dfks(value/forwardTo) = "sip:{n}@x";\n' for n in range(2_000)
)
OTHERWISE = '$dfks(value/forwardTo) = "sip:other@x";'


@pytest.mark.parametrize(
    "body",
    [
        f"{RETURNS}{OTHERWISE}",
        f"switch ($rU) {{ {CASES}default: {OTHERWISE} }}",
        f"{CHAIN}else {OTHERWISE}",
    ],
    ids=["returns", "switch", "else if"],
)
def test_thousands_of_branches_are_rules_in_seconds(body: str) -> None:
    """In all three ways in which scripts are written."""
    before = time.process_time()
    found = carry(script(body))
    assert time.process_time() - before < 20
    assert (len(found.rules), found.notes) == (2_001, ())
    texts = policy_texts(found, "p", "opensips.cfg")
    sources = [Source(f"{name}.yaml", text) for name, text in texts.items()]
    with closing(load(sources)) as policies:
        for user, target in (("u0", "0"), ("u1999", "1999"), ("u2000", "other")):
            asked = {**ON, "presentity": f"sip:{user}@example.com"}
            assert answer(policies, asked)["values"]["forwardTo"] == f"sip:{target}@x"


def test_what_too_many_returns_come_before_is_told_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No rule has hundreds of patterns that must not match."""
    monkeypatch.setattr(carrying, "MAX_CONDITIONS", 20)
    lines = [f'if ($rU =~ "^{n}[0-9]") {{ $dfks(status) = 0; return; }}' for n in range(30)]
    found = carry(script("\n".join(lines)))
    what = "more than 20 conditions decide whether this is reached"
    assert found.notes == tuple(Note(line, what) for line in range(23, 33))
    assert sorted(one.lines for one in found.rules) == [(line,) for line in range(3, 23)]


def test_routes_that_call_one_another_ever_more_come_to_an_end() -> None:
    """Ten times ten times ten."""
    calls = [f"route[r{n}] {{ {f'route(r{n + 1});' * 10} }}" for n in range(9)]
    found = carry("\n".join([*calls, "route[dfks_set] { route(r0); $dfks(status) = 0; }"]))
    assert found.rules == ()
    assert any(note.message.startswith("more than 50000 statements") for note in found.notes)


def test_what_goes_with_a_condition_that_is_not_carried_is_told() -> None:
    """Each line, as somebody has to write rules for it."""
    body = """
        if ($rU == "a") {
          $dfks(status) = 0;
        } else if (is_myself($rd)) {
          $dfks(notify) = 0;
          if ($rU == "b")
            exit;
        } else
          $dfks(assigned) = 0;
    """
    found = carry(script(body))
    assert [one.lines for one in found.rules] == [(4,)]
    with_it = "goes with line 5, which is not carried"
    what = Note(5, "`is_myself` is no fact")
    assert found.notes == (what, Note(6, with_it), Note(8, with_it), Note(10, with_it))


def test_a_file_has_no_more_rules_than_it_may() -> None:
    """The first file comes first."""
    texts = policy_texts(carry(script(RETURNS[: RETURNS.index('"u700"') - 11])), "p", "x")
    assert [name for name, _ in texts.items()] == ["p", "p-2"]
    assert "priority: 499\n" in texts["p-2"]


def test_rules_that_do_not_fit_beside_one_another_are_in_files_of_their_own() -> None:
    """What begins a file counts for its size, too."""
    rules = [CarriedRule({"id": f"r{n}", "text": "x" * 60_000}, (n,)) for n in range(1, 6)]
    texts = policy_texts(Carried(tuple(rules), ()), "p", "x")
    assert len(texts) == 5


def test_rules_that_are_too_long_for_all_files_are_told_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The priority of a file is never below 0."""
    monkeypatch.setattr(carrying, "MOST_IN_ALL", 1_000)
    returns = [f'if ($rU == "{n}") {{ return; }}\n$dfks(status) = 0;' for n in range(20)]
    found = carry(script("\n".join(returns)))
    what = "the rules up to here are too long for the files that there may be"
    assert 0 < len(found.rules) < 20
    assert [note.message for note in found.notes] == [what] * (20 - len(found.rules))


def test_a_fetch_in_a_condition_is_one() -> None:
    """Whatever the variable was before."""
    body = '$avp(v) = NULL; if (cache_fetch("l", "k", $avp(v))) $dfks(status) = $avp(v);'
    asked = {"op": "get", **ALICE, "stored.status": 1}
    assert decided(script(body, "dfks_get"), asked)["status"] == 1


def test_else_branches_are_for_what_the_others_leave() -> None:
    """The rules have no conditions that go without saying."""
    text = script(
        """
        if ($dfks(feature) == "DoNotDisturb") $dfks(status) = 1;
        else if ($dfks(feature) == "CallForwardingBusy" && $dfks(status) == 1) $dfks(notify) = 0;
        else $dfks(assigned) = 0;
        """
    )
    found = carry(text)
    assert found.notes == ()
    assert [one.rule.get("unless") for one in found.rules] == [
        {
            "any": [
                {"feature": "DoNotDisturb"},
                {"feature": "CallForwardingBusy", "request.status": 1},
            ]
        },
        None,
        None,
    ]


def test_routes_are_called_and_named_by_the_module() -> None:
    """`return` leaves the route that was called, `exit` everything."""
    more = """
        modparam("presence_dfks", "set_route", "mine")
        route[helper] { if ($rU == "bob") return; if ($rU == "carol") exit; $dfks(notify) = 0; }
    """
    text = script("route(helper); $dfks(status) = 0;", "mine", more)
    with carried(text) as policies:
        seen = {
            user: answer(policies, {**ON, "presentity": f"sip:{user}@example.com"})
            for user in ("alice", "bob", "carol")
        }
    assert {user: (one["status"], one["notify"]) for user, one in seen.items()} == {
        "alice": (0, False),
        "bob": (0, True),
        "carol": (1, True),
    }


def test_what_the_script_stores_is_what_the_server_stores() -> None:
    """`cache_fetch` is there without a question, and `cache_store` needs nobody."""
    text = script(
        """
        if (cache_fetch("local", "$dfks(presentity)", $avp(s))) $dfks(status) = 1;
        cache_fetch("local", "$dfks(presentity)", $avp(t));
        $dfks(value/forwardTo) = $avp(t);
        cache_store("local", "x", "y");
        """,
        "dfks_get",
    )
    asked = {"op": "get", **ALICE, "stored.forwardTo": "sip:bob@x"}
    assert decided(text, asked)["values"]["forwardTo"] == "sip:bob@x"


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("t_newtran();", 3, "`t_newtran(…)` has no counterpart"),
        ("if (is_myself($rd)) $dfks(status) = 0;", 3, "`is_myself` is no fact"),
        ('if ($ci == "x") $dfks(status) = 0;', 3, "`$ci` is no fact"),
        ("while ($rU) { x(); }", 3, "`while` is not understood"),
        ("route(nowhere);", 3, "there is no `route[nowhere]`"),
        ("route(dfks_set);", 3, "`route(dfks_set)` calls itself"),
        ("$dfks(status) = 2;", 3, "`status` is set to what is not 0 or 1"),
        ("$dfks(value/ringCount) = 0;", 3, "`ringCount` is set to what it cannot be"),
        ("$dfks(value/forwardTo) = $(rU{s.len});", 3, "`$(rU{s.len})` is no fact"),
        ("if ($rU < 3) $dfks(status) = 0;", 3, "`user` has no order"),
        (
            "$dfks(status) = 0;\nif ($dfks(status) == 1) $dfks(notify) = 0;",
            4,
            "`$dfks(status)` is read after it was assigned",
        ),
        (
            "if (f()) $dfks(status) = 0;\nif ($dfks(status) == 1) $dfks(notify) = 0;",
            4,
            "`$dfks(status)` is read after it was assigned",
        ),
        ('if ($rU =~ "(a") $dfks(status) = 0;', 3, "the pattern `(a`"),
        ('if ($dfks(feature) == "Park") $dfks(status) = 0;', 3, "`feature` is never `Park`"),
        (
            'if ($dfks(feature) == "DoNotDisturb") $dfks(value/ringCount) = 3;',
            3,
            "`DoNotDisturb` has no value `ringCount`",
        ),
    ],
)
def test_what_rules_cannot_say_is_told_with_its_line(body: str, line: int, message: str) -> None:
    """Nothing is left out silently."""
    notes = carry(script(body)).notes
    assert any(note.line == line and note.message.startswith(message) for note in notes), notes


def test_a_script_without_such_routes_says_so() -> None:
    """The wrong file was given."""
    (note,) = carry("route { t_relay(); }").notes
    assert note == Note(1, "the script has neither of `route[dfks_set]` and `route[dfks_get]`")


def test_the_policy_says_where_each_rule_comes_from() -> None:
    """Whoever moves compares the two."""
    text = policy_text(carry(script("$dfks(status) = 0;\nf();")), "p", "opensips.cfg")
    assert text == dedent(
        """\
        # From the routes of opensips.cfg.
        # Not carried, line 4: `f(…)` has no counterpart
        apiVersion: dfks/v1
        kind: Policy
        metadata: {name: p}
        rules:
          # line 3
          - id: set-3
            when: {op: set}
            then: {status: 0}
        """
    )


_PIECES = st.sampled_from(
    [
        *("route[dfks_set] {", "route", "if", "(", ")", "{", "}", "[", "]", ";", "else", "switch"),
        *("case", "default", ":", "break;", "exit;", "!", "==", "=~", "&&", "||", "+", "="),
        *("$dfks(status)", "$dfks(feature)", "$rU", "$avp(x)", '"a"', "'b'", "1", "NULL", "xlog"),
        *("$dfks(status) = 1;", 'if ($rU == "a")', "/*", "*/", "#", "\n", '"', "$(", "\\"),
    ]
)


@given(st.lists(_PIECES, max_size=60).map(" ".join))
def test_any_text_is_carried_or_told_of(text: str) -> None:
    """No script makes it crash or hang, and what comes of it is a policy."""
    found = carry(text + "\nroute[dfks_set] {" + text)
    load([Source("p.yaml", policy_text(found, "p", "opensips.cfg"))]).close()


@pytest.mark.parametrize(
    "text",
    [
        *(
            piece * 200_000
            for piece in ('\\"', "/*", "$(", "$a(", "route[a]{", "#!ifdef x\n", "'", "[")
        ),
        "route[dfks_set] {" + "$x[a" * 200_000,
        'route[dfks_set] { if ($rU =~ "' + "[" * 200_000 + '") exit; }',
        "route[dfks_set] { switch ($rU) {" + 'case "a":' * 20_000,
        "route[dfks_set] {" + "if ($rU == 1) exit; else " * 20_000,
        "route[dfks_set] { if (" + "$rU == 1 || " * 20_000,
        "route[dfks_set] { $dfks(status) = " + '"a" + ' * 20_000,
    ],
    ids=lambda text: text[:40],
)
def test_long_scripts_are_read_in_seconds(text: str) -> None:
    """As long as a script may be, nothing takes more than its length."""
    before = time.process_time()
    carry(text[: 1 << 20])
    assert time.process_time() - before < 20


def mutated(random: Random, text: str) -> str:
    """A script in which somebody has cut, doubled and mixed up some pieces."""
    for _ in range(random.randint(1, 6)):
        first, last = sorted(random.choices(range(len(text) + 1), k=2))
        piece = text[first : min(last, first + random.choice((1, 1, 5, 40, 400)))]
        inserted = random.choice(
            ("", piece, piece * 9, random.choice("(){}[];\"'$#!=&|+,\\\n") * random.choice((1, 3)))
        )
        kept = first + len(piece) * random.randint(0, 1)
        text = text[:first] + inserted + text[kept:]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_mutated_scripts_are_carried_or_told_of(seed: int) -> None:
    """Whatever is left of a real one: no crash, no hang, and rules that can be used."""
    random, text = Random(seed), (Path(__file__).parent / "opensips.cfg").read_text("utf-8")
    for _ in range(40):
        found = carry(mutated(random, text))
        texts = policy_texts(found, "p", "opensips.cfg")
        load([Source(f"{name}.yaml", one) for name, one in texts.items()]).close()


@pytest.mark.parametrize("deep", ["{", "(", "!", "if (", "switch (", "f(", "else if ("])
def test_deep_scripts_are_refused_and_not_followed(deep: str) -> None:
    """A thousand levels are nobody's routes."""
    assert carry("route[dfks_set] {" + deep * 5_000).rules == ()


def test_a_rule_names_the_lines_that_it_comes_from() -> None:
    """One of several statements is one."""
    rules = (CarriedRule({"id": "a"}, (4, 4)), CarriedRule({"id": "b"}, (5, 4, 5)))
    text = policy_text(Carried(rules, ()), "p", "x.cfg")
    assert [line for line in text.splitlines() if "# line" in line] == [
        "  # line 4",
        "  # lines 4, 5",
    ]
