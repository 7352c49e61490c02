"""Every input that is kept, and inputs near them, given to what is fuzzed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.seeds import CORPORA, SEEDS
from tests.fuzz.targets import TARGETS, check

_FILES = sorted(path for path in CORPORA.glob("*/*") if path.is_file())
_PIECES = st.sampled_from(
    [b"\r\n", b"\n", b"\0", b"\xff", b'"', b"<", b">", b";", b",", b"\\", b"%", b":", b"=", b" "]
)


def test_every_target_has_seeds() -> None:
    """Fuzzing that begins with nothing finds its way in slowly."""
    assert set(SEEDS) == set(TARGETS) == {path.parent.name for path in _FILES}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_inputs_that_were_found_once_do_no_harm(name: str) -> None:
    """A finding stays found: its input is kept, and must pass."""
    for path in (CORPORA / name).iterdir():
        check(name, path.read_bytes())


@given(st.data())
def test_inputs_near_those_that_were_found_do_no_harm(data: st.DataObject) -> None:
    """Hypothesis cuts out, doubles and writes over."""
    path: Path = data.draw(st.sampled_from(_FILES))
    text = path.read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        piece = data.draw(_PIECES | st.binary(max_size=4) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    check(path.parent.name, text)
