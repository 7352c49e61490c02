"""What is defined in a script."""

import pytest

from dfks_rules.policy.migrating.preparing import MAX_TOKENS, prepare


def words(script: str) -> list[str]:
    """What is left to read."""
    return [token.value for token in prepare(script).tokens][:-1]


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ('#!define A "x"\na A', ["a", "x"]),
        ("#!define A B\n#!define B 1 + 2\nA", ["1", "+", "2"]),
        ("#!define A A\nA", ["A"]),
        ("#!define A\n#!ifdef A\nx\n#!else\ny\n#!endif\nz", ["x", "z"]),
        ("#!ifndef A\nx\n#!ifdef B\nw\n#!endif\n#!else\ny\n#!endif", ["x"]),
        ("# !define A 1\nA", ["A"]),
        ("#!else\n#!endif\nx", ["x"]),
    ],
)
def test_names_stand_for_what_they_are_defined_as(script: str, left: list[str]) -> None:
    """And lines that are not taken are not read."""
    assert words(script) == left


def test_lines_keep_their_numbers() -> None:
    """People look for what was not carried."""
    read = prepare("#!define A 1\n#!ifdef B\nx\n#!endif\nA")
    assert [(token.value, token.line) for token in read.tokens] == [("1", 5), ("", 5)]


@pytest.mark.parametrize(
    ("script", "line", "problem"),
    [
        ('\ninclude_file "x.cfg"', 2, "`include_file` names a file, which is not read"),
        ("\n#!ifdef A\nx", 3, "`#!ifdef` does not end"),
        ("#!subst x", 1, "`#!subst` is not understood"),
        ("x\n/* y", 2, "a comment begins here that does not end"),
        ("x = 'y", 1, "a text begins here that does not end"),
        ("#!define A " + "x " * 200, 1, "`A` is defined too long"),
    ],
)
def test_what_is_not_prepared_is_told(script: str, line: int, problem: str) -> None:
    """It may have had more for the routes."""
    assert prepare(script).problems == ((problem, line),)


@pytest.mark.parametrize("last", ["", "x"])
def test_definitions_that_multiply_come_to_an_end(last: str) -> None:
    """Eight of a hundred words each stand for more than anybody can read."""
    lines = [f"#!define A{n} " + f"A{n + 1} " * 50 for n in range(8)]
    read = prepare("\n".join([*lines, f"#!define A8 {last}", "A0", "end"]))
    assert len(read.tokens) <= MAX_TOKENS + 1
    assert read.problems
    assert read.problems[0][0].startswith(f"more than {MAX_TOKENS} words")
