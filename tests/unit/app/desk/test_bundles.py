"""Files of policies as one value."""

import zlib
from pathlib import Path

import pytest

from dfks_rules.app.desk import bundles
from dfks_rules.app.desk.bundles import BundleDesk, pack, unpack
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.errors import DfksError, PolicyError
from dfks_rules.policy.deciding.compiled import revision_of
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source
from tests.helpers.reloads import settings

FILES = PolicyFiles(
    (Source("p.yaml", 'größer: "x"\n', None), Source("tenants/a.example/q.yaml", "", "a.example")),
    (Source("cases.yaml", "cases: []", None),),
)


def test_files_are_the_same_after_a_bundle() -> None:
    """Their names, texts and tenants."""
    assert unpack(pack(FILES)) == FILES


def test_users_take_little_space() -> None:
    """A directory of 100,000 has 5 MB."""
    users = "".join(f"alice{number}@example.com,sales\n" for number in range(10_000))
    bundle = pack(PolicyFiles((Source("users.csv", users, None),), ()))
    assert len(bundle) < len(users) / 4


@pytest.mark.parametrize(
    "bundle",
    [b"", b"nonsense", pack(FILES)[:-9], zlib.compress(b"{}"), zlib.compress(b"\xff")],
)
def test_what_is_no_bundle_is_told(bundle: bytes) -> None:
    """Another release may have written it."""
    with pytest.raises(PolicyError, match="cannot read the bundle"):
        unpack(bundle)


def test_what_is_too_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes can become gigabytes."""
    monkeypatch.setattr(bundles, "MAX_SIZE", 20)
    with pytest.raises(PolicyError, match="too large"):
        unpack(pack(FILES))


async def test_a_desk_follows_bundles_and_goes_back_to_files(tmp_path: Path) -> None:
    """With the real child process."""
    folder = tmp_path / "policies"
    folder.mkdir()
    rule = "- {id: r, when: {op: set}, then: {deny: WORD}}"
    (folder / "p.yaml").write_text(source(rule.replace("WORD", "files")).text)
    reloader = PolicyReloader((folder,), settings(tmp_path))
    await reloader.start()
    desk, of_files = BundleDesk(reloader), reloader.live.active.revision
    files = PolicyFiles((source(rule.replace("WORD", "bundle")),), ())
    await desk.prepare(pack(files))
    assert (desk.revision, desk.follows) == (of_files, False)
    await desk.follow(pack(files))
    assert (desk.revision, desk.follows) == (revision_of(files.sources), True)
    with pytest.raises(PolicyError):
        await desk.prepare(pack(PolicyFiles((source("- {id: r, when: {opp: set}}"),), ())))
    with pytest.raises(DfksError):
        await desk.follow(b"nonsense")
    assert not desk.has_failed
    await desk.follow(None)
    assert (desk.revision, desk.follows) == (of_files, False)
    await reloader.close()
