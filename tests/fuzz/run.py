"""Fuzz one target: `python -m tests.fuzz.run TARGET [options of libFuzzer] [folders]`.

It runs on the sources as they are, whatever is compiled beside them: atheris counts what the
interpreter executes. An input that raises is written where `-artifact_prefix` says.
"""

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

import atheris

_ROOT = str(Path(__file__).parents[2])
_sources = FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))


def _ours(path: str) -> FileFinder:
    if not path.startswith(_ROOT) or "site-packages" in path:
        raise ImportError
    finder = _sources(path)
    assert isinstance(finder, FileFinder)
    return finder


sys.path_hooks.insert(0, _ours)
sys.path_importer_cache.clear()
with atheris.instrument_imports(include=["dfks_rules"]):
    from tests.fuzz import targets


def main() -> None:
    """Fuzz until libFuzzer has enough."""
    name, *options = sys.argv[1:]

    def one_input(data: bytes) -> None:
        targets.check(name, data)

    # libFuzzer runs itself by this when it merges corpora (-set_cover_merge=1).
    again = f"{sys.executable} -m tests.fuzz.run {name}"
    atheris.Setup([again, *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
