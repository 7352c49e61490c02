"""Every reader of authors' files, over broken ones: findings, and nothing else."""

import re
from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from dfks_rules.errors import DfksError
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.read_site import read_site
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases
from dfks_rules.policy.studying.given_files import parse_given
from tests.helpers.published import ROOT

FILES = sorted(
    path
    for folder in ("policies", "tests/policies/must_fail")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".yaml", ".csv") and path.stat().st_size < 20_000
)
WORD = re.compile(rb"[^\s{}\[\],:]+")
ODD = [
    *(b"0", b"-1", b"true", b'""', b"[]", b"{}", b"null", b"9" * 30, b'"0001-01-01"', b"UK"),
    *(b"\x00", b"\xff", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\t", b"\r\n", b"\n"),
    *(b"&a", b"*a", b"!!binary x", b"? x", b"- ", b"---", b"|", b">-", b"'", b'"', b"#", b"%"),
    *(b"{var: x}", b"${vars.x}", b"${}", b"# dfks: allow x", b"(", b"[a-", b"*" * 300),
]
ROUNDS = 250


def broken(random: Random, data: bytes) -> bytes:
    """A file as an editor, a script or an enemy may leave it."""
    for _ in range(random.choice([1, 1, 2, 5])):
        start = random.randrange(len(data) + 1)
        end = start + random.choice([0, 1, 3, 20])
        spans = [word.span() for word in WORD.finditer(data)] or [(start, end)]
        first, last = random.choice(spans)
        match random.randrange(5):
            case 0:
                data = data[:start]
            case 1:
                data = data[:start] + data[end:]
            case 2:
                data = data[:start] + random.choice(ODD) + data[end:]
            case 3:
                data = data[:first] + random.choice(ODD) + data[last:]
            case _:
                other = random.choice(spans)
                data = data[:first] + data[slice(*other)] + data[last:]
    return data


@pytest.mark.parametrize(
    "read",
    [
        lambda source: list(map(str, check_and_lint([source])[1])),
        lambda source: list(map(str, read_site([source])[1])),
        parse_cases,
        lambda source: parse_given([source]),
        laid_out,
    ],
    ids=["check", "site", "cases", "given", "fmt"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_broken_file_is_told_of_and_never_a_crash(
    read: Callable[[Source], object], seed: int
) -> None:
    """A traceback tells an author nothing, and the server reads files while it runs."""
    random = Random(seed)
    for _ in range(ROUNDS):
        file = random.choice(FILES)
        text = broken(random, file.read_bytes()).decode(errors="surrogateescape")
        source = Source(file.name, text, random.choice([None, "acme.example"]))
        with suppress(DfksError):
            read(source)
