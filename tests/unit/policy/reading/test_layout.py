"""One layout for policy files, without a loss."""

import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfks_rules.errors import PolicyError
from dfks_rules.policy.reading.layout import comments_of, laid_out
from dfks_rules.policy.reading.source import Source, parse
from tests.helpers.published import ROOT

SHIPPED = sorted((ROOT / "policies").rglob("*.yaml"))
ODD = """

# yaml-language-server: $schema=x
#
# head 😀

kind: Policy   # k

# about api

# more
apiVersion: dfks/v1
metadata:   {description: "say #no", name: 'p'}   # meta
rules:
# zero
- then: {deny: x}   # why
  # about when
  when: {op: set,   # inner
         user: "+49", # in2
         # alone in
         time: 12:30
         } # closing
  id: a
  # trailing of a


- id: b
  description: this is a long description that spans lines and is longer than hundred columns so it
    will be folded, let us see how it goes
  when:
     # first in when
     any: [{op: set, user: {prefix: ["+4920", "+3310"]}},
           {op: get, user: {prefix: ["+442000000", "+331"]}}]
     user: # colon
        [a, b]
  then:
      log: |  # header
         some text
           more

      text: >-
         folded
         text
      status:
        # above scalar
        1 # one
# about mode
mode: "off"
# tail
"""
LAID_OUT = """# yaml-language-server: $schema=x
#
# head 😀

# about api

# more
apiVersion: dfks/v1

kind: Policy  # k
metadata: {name: p, description: "say #no"}  # meta
# about mode
mode: "off"
rules:
  # zero
  - id: a
    # about when
    when:
      op: set  # inner
      user: "+49"  # in2
      # alone in
      time: "12:30"  # closing
    then: {deny: x}  # why
    # trailing of a

  - id: b
    description: >-
      this is a long description that spans lines and is longer than hundred columns so it will be
      folded, let us see how it goes
    when:
      # first in when
      any:
        - {op: set, user: {prefix: ["+4920", "+3310"]}}
        - {op: get, user: {prefix: ["+442000000", "+331"]}}
      # colon
      user: [a, b]
    then:
      # above scalar
      status: 1  # one
      log: |  # header
        some text
          more

      text: >-
        folded
        text
# tail
"""


def of(text: str) -> str:
    """The layout of a text, which must be its own layout."""
    result = laid_out(Source("p.yaml", text))
    assert laid_out(Source("p.yaml", result)) == result
    return result


def value(text: str) -> object:
    """What our reader takes a file for."""
    tree, findings = parse(Source("p.yaml", text))
    assert findings == []
    assert tree is not None
    return tree.value


def test_an_odd_file_is_laid_out_with_all_its_comments() -> None:
    """Every place where a comment can stand, and every style of text."""
    assert of(ODD) == LAID_OUT


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shipped_files_are_laid_out(path: object) -> None:
    """We keep to what we ask of others: `dfks policy fmt policies`."""
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    assert of(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{kind: Policy, apiVersion: dfks/v1}", "{apiVersion: dfks/v1, kind: Policy}\n"),
        ("- alice # c\n", "- alice  # c\n"),
        ("a: {}\nb: []\n", "a: {}\nb: []\n"),
        ("a: 'no'\nb: \"alice\"\n", 'a: "no"\nb: alice\n'),
        ("a: +49301\n", 'a: "+49301"\n'),
        ("- - a\n  - b\n-\n  - c\n", "- - a\n  - b\n- - c\n"),
        ("a:\r\n  b: 1\r\n", "a:\n  b: 1\n"),
        ("a: 1 # c\r\rb: 2\r", "a: 1  # c\n\nb: 2\n"),
        ("a: 1\n\n\n\nb: 2", "a: 1\n\nb: 2\n"),
        ("? a\n: 1\n", "a: 1\n"),
        ("a: |2\n    x\n", 'a: "  x\\n"\n'),
        ("a: |+\n  x\n\n\n", 'a: "x\\n\\n\\n"\n'),
        (
            "a:\n  - x\n  # end of list\n# end of file\n",
            "a:\n  - x\n  # end of list\n# end of file\n",
        ),
        ("a:\n- x\n# about b\nb: 1\n", "a:\n  - x\n# about b\nb: 1\n"),
        ("a: [x, # c\n  y]\n", "a:\n  - x  # c\n  - y\n"),
        ("- # c\n  a: 1\n", "# c\n- a: 1\n"),
        ("- {# c\n  a: 1}\n", "# c\n- a: 1\n"),
        ("a: [ # c\n  ]\n", "# c\na: []\n"),
    ],
)
def test_small_things_have_one_form(text: str, expected: str) -> None:
    """Each is a way in which authors' files differ."""
    assert of(text) == expected


def test_a_file_with_mistakes_is_left_alone() -> None:
    """What cannot be read cannot be laid out."""
    with pytest.raises(PolicyError) as caught:
        laid_out(Source("p.yaml", "a: &x 1\nb: *x\n"))
    assert [one.code for one in caught.value.findings] == ["policy_yaml"]


def test_a_layout_that_would_lose_a_comment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours must not cost an author his notes."""
    monkeypatch.setattr("dfks_rules.policy.reading.layout._Layout._until", lambda *_: [])
    with pytest.raises(PolicyError) as caught:
        laid_out(Source("p.yaml", "# c\na: 1\n"))
    assert [one.code for one in caught.value.findings] == ["policy_layout"]


def test_a_comment_and_an_empty_line_within_nested_brackets_go_before_the_dash() -> None:
    """Else the dash stands alone, and the next time beside its first item."""
    assert of("rules: {x: [[  # c\n\n  alice]]}  # d\n") == (
        "rules:\n  x:\n    # c\n\n    - - alice  # d\n"
    )


WORDS = st.sampled_from(
    [
        *("alice", "+4930", "12:30", "no", "a, b", "x # y", "it's", 'say "hi"', " ", "", "é😀"),
        *("a\nb\n", "* not an alias", "x" * 120, "word " * 30, "tab\t", "${user}", "07"),
    ]
)
VALUES: st.SearchStrategy[object] = st.recursive(
    WORDS | st.booleans() | st.integers(-5, 5) | st.sampled_from([[], {}]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(WORDS, inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


@st.composite
def commented(draw: st.DrawFn) -> str:
    """Any YAML that we read, with comments and empty lines strewn in."""
    text = yaml.safe_dump(
        draw(st.dictionaries(st.sampled_from(["rules", "kind", "mode", "x"]), VALUES, min_size=1)),
        default_flow_style=draw(st.sampled_from([True, False, None])),
        width=draw(st.sampled_from([20, 80, 1000])),
        indent=draw(st.sampled_from([2, 3, 4])),
        sort_keys=False,
        allow_unicode=True,
    )
    lines = []
    for number, line in enumerate(text.splitlines()):
        if draw(st.integers(0, 3)) == 0:
            column = draw(st.integers(0, 6))
            lines.append(draw(st.sampled_from(["", " " * column + f"# above {number}"])))
        lines.append(line + (f"  # at {number}" if draw(st.integers(0, 3)) == 0 else ""))
    return "\n".join([*lines, ""])


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(commented())
def test_any_file_keeps_its_values_and_comments(text: str) -> None:
    """The one promise of a formatter; laying out twice changes nothing either (`of`)."""
    if parse(Source("p.yaml", text))[0] is None:
        return
    result = of(text)
    assert value(result) == value(text)
    assert comments_of(result) == comments_of(text)
    assert not re.search(r"[ \t]\n", result)


@pytest.mark.parametrize("text", ["k: |", "k: >-", "k: |2  # c", "- |", "k: |\n\n"])
def test_an_empty_block_is_empty_text(text: str) -> None:
    """Also where the file ends behind its first line."""
    assert laid_out(Source("p.yaml", text)).split("  #")[0].rstrip().endswith('""')


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{users: {al: {role: r, groups: [g]}}}", "{users: {al: {groups: [g], role: r}}}"),
        (
            "{domains: {a.example: {outside: x, country: DE}}, country: DE}",
            "{country: DE, domains: {a.example: {country: DE, outside: x}}}",
        ),
        (
            "{schedules: {office: {except: [a], weekly: [b], tz: UTC}}}",
            "{schedules: {office: {tz: UTC, weekly: [b], except: [a]}}}",
        ),
        (
            "{rules: [{then: {also: [{status: 1, feature: DoNotDisturb}]}, id: a}]}",
            "{rules: [{id: a, then: {also: [{feature: DoNotDisturb, status: 1}]}}]}",
        ),
        (
            "{why: w, for: [a/b], kind: Exception, unless: {user: a}, when: {user: b}}",
            "{kind: Exception, for: [a/b], when: {user: b}, unless: {user: a}, why: w}",
        ),
        ("{users: {b: {}, a: {}}}", "{users: {b: {}, a: {}}}"),
    ],
)
def test_files_of_every_kind_have_their_order(written: str, expected: str) -> None:
    """Names of the author's stay where they are; what we name has its place."""
    assert laid_out(Source("p.yaml", written)) == f"{expected}\n"


@pytest.mark.parametrize("text", ["user,domain\na,b.example\n", "just words", "1"])
def test_what_has_no_keys_is_left_alone(text: str) -> None:
    """A CSV file is YAML of one long text; folded it would be lost."""
    with pytest.raises(PolicyError, match="has no keys"):
        laid_out(Source("users.csv", text))
