"""Policy files from disk."""

import os
from pathlib import Path

import pytest

from dfks_rules.app.desk.policies import folders_of, read_files, read_sources
from dfks_rules.errors import PolicyError
from dfks_rules.policy.reading.source import MAX_CSV_BYTES
from dfks_rules.yaml.tree import MAX_BYTES


def fill(folder: Path, *names: str) -> None:
    """Files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


def test_directory_gives_its_policies_by_name_and_its_cases_apart(tmp_path: Path) -> None:
    """The order decides between policies of one priority."""
    fill(tmp_path, "b.yaml", "a.yml", "users.csv", "cases.yaml", "notes.txt")
    files = read_files([tmp_path])
    assert [source.text for source in files.sources] == ["a.yml", "b.yaml", "users.csv"]
    assert [source.text for source in files.cases] == ["cases.yaml"]
    assert read_sources([tmp_path]) == list(files.sources)


def test_files_of_tenants_come_after_and_are_known_as_theirs(tmp_path: Path) -> None:
    """Other folders are not read: they may be anything."""
    fill(tmp_path, "z.yaml", "tenants/b.example/x.yaml", "tenants/a.example/y.yaml", "old/o.yaml")
    fill(tmp_path, "tenants/.git/g.yaml", "tenants/README.md", "tenants/a.example/deep/d.yaml")
    found = [(source.text, source.tenant) for source in read_sources([tmp_path])]
    assert found == [("z.yaml", None), ("y.yaml", "a.example"), ("x.yaml", "b.example")]


@pytest.mark.parametrize("name", ["", "a.yaml", "."])
def test_a_file_of_a_tenant_is_the_tenants_however_it_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cases must be decided as by the server, which confines it."""
    fill(tmp_path, "tenants/a.example/a.yaml")
    monkeypatch.chdir(tmp_path / "tenants/a.example")
    (source,) = read_sources([Path(name) if name else tmp_path / "tenants/a.example"])
    assert source.tenant == "a.example"


def test_a_folder_that_is_only_among_tenants_is_the_operators(tmp_path: Path) -> None:
    """`/srv/tenants/west` may hold the policies of a whole site."""
    fill(tmp_path, "tenants/west/a.yaml")
    (source,) = read_sources([tmp_path / "tenants/west"])
    assert source.tenant is None


def test_what_is_misplaced_among_tenants_is_an_error(tmp_path: Path) -> None:
    """Its rules would guard nothing, and nobody would be told."""
    fill(tmp_path, "tenants/stray.yaml", "tenants/B.example/b.yaml", "tenants/a.example/a.yaml")
    with pytest.raises(PolicyError) as raised:
        read_sources([tmp_path])
    found = [Path(finding.file).name for finding in raised.value.findings]
    assert (found, raised.value.findings[0].code) == (["B.example", "stray.yaml"], "policy_tenant")
    assert tmp_path / "tenants/B.example" in folders_of([tmp_path])


def test_every_unreadable_file_is_named(tmp_path: Path) -> None:
    """One run tells an operator everything."""
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(PolicyError) as raised:
        read_sources([tmp_path / "gone.yaml", tmp_path])
    assert [finding.code for finding in raised.value.findings] == ["policy_unreadable"] * 2


@pytest.mark.parametrize("name", [b"\xff.yaml", b"\x1b[31m.yaml"])
def test_a_file_whose_name_cannot_be_shown_is_an_error(tmp_path: Path, name: bytes) -> None:
    """Findings, logs and replies name files; a terminal would obey some names."""
    (tmp_path / os.fsdecode(name)).write_text("kind: Policy\n")
    with pytest.raises(PolicyError, match="its path is not printable UTF-8") as raised:
        read_sources([tmp_path])
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["tenants", "tenants/a.example"])
def test_tenants_behind_a_dead_link_are_an_error(tmp_path: Path, name: str) -> None:
    """Where it leads is not mounted: what barred their users would be gone without a word."""
    fill(tmp_path, "a.yaml")
    link = tmp_path / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("nowhere")
    with pytest.raises(PolicyError, match=f"{name}: cannot read the policy folder: No such file"):
        read_sources([tmp_path])


def test_a_path_that_cannot_be_looked_at_is_an_error_and_is_watched(tmp_path: Path) -> None:
    """It may be what somebody mends next; a watch that raises would never see it."""
    path = tmp_path / ("x" * 300)
    with pytest.raises(PolicyError, match="File name too long"):
        read_sources([path])
    assert folders_of([path]) == {tmp_path}


@pytest.mark.skipif(os.geteuid() == 0, reason="everything can be read")
def test_a_folder_that_may_not_be_read_is_an_error_and_is_watched(tmp_path: Path) -> None:
    """Rights are lost and given back while the server runs."""
    fill(tmp_path, "p/a.yaml", "p/tenants/a.example/a.yaml")
    for shut in (tmp_path / "p", tmp_path / "p/tenants"):
        shut.chmod(0)
        with pytest.raises(PolicyError, match="cannot read the policy folder: Permission denied"):
            read_sources([tmp_path / "p"])
        assert tmp_path / "p" in folders_of([tmp_path / "p"])
        shut.chmod(0o700)


@pytest.mark.timeout(10)
def test_a_fifo_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    """Every later reload, and an operator's shadow, would wait with it."""
    os.mkfifo(tmp_path / "pipe.yaml")
    folder = tmp_path / "policies"
    fill(folder, "a.yaml")
    (folder / "b.yaml").symlink_to(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", folder):
        with pytest.raises(PolicyError, match="it is not a regular file"):
            read_sources([path])


def test_what_editors_leave_is_not_read_and_a_dead_link_is_an_error(tmp_path: Path) -> None:
    """A lock of Emacs is a link to nowhere, but hidden."""
    fill(tmp_path, "a.yaml", ".hidden.yaml", "a.yaml~", "#a.yaml#")
    (tmp_path / ".#a.yaml").symlink_to("user@host.1")
    assert [source.text for source in read_sources([tmp_path])] == ["a.yaml"]
    (tmp_path / "b.yaml").symlink_to("nowhere")
    with pytest.raises(PolicyError, match="cannot read the policy file: No such file"):
        read_sources([tmp_path])


def test_no_more_of_a_file_is_read_than_it_may_have(tmp_path: Path) -> None:
    """Its check says that it is too large; nothing fills the memory."""
    (tmp_path / "huge.yaml").write_text("x" * (MAX_BYTES + 1000))
    (source,) = read_sources([tmp_path])
    assert len(source.text) == MAX_BYTES + 1


def test_a_large_directory_is_read_whole(tmp_path: Path) -> None:
    """A user past the 256 KiB of YAML would be in no group, and nobody would be told."""
    lines = ["user,domain,groups,role,numbers", *(f"u{n},a.example,sales,," for n in range(50_000))]
    (tmp_path / "users.csv").write_text("\n".join(lines))
    (source,) = read_sources([tmp_path])
    assert source.text == "\n".join(lines)
    (tmp_path / "users.csv").write_bytes(b"x" + "ä".encode() * (MAX_CSV_BYTES // 2 + 10))
    (source,) = read_sources([tmp_path])
    assert len(source.text.encode()) > MAX_CSV_BYTES


def test_files_together_are_bounded(tmp_path: Path) -> None:
    """A folder of logs is not policies."""
    path = tmp_path / "large.yaml"
    path.write_text("x" * MAX_BYTES)
    with pytest.raises(PolicyError, match="the policy files together have more than"):
        read_files([path] * 257)


def test_folders_are_all_in_which_a_policy_can_appear(tmp_path: Path) -> None:
    """What is not watched changes in silence."""
    fill(tmp_path, "all/a.yaml", "all/tenants/a.example/y.yaml", "all/old/o.yaml", "one/p.yaml")
    (tmp_path / "current").symlink_to(tmp_path / "all")
    assert folders_of([tmp_path / "all"]) == {
        tmp_path / "all",
        tmp_path / "all/tenants",
        tmp_path / "all/tenants/a.example",
    }
    assert folders_of([tmp_path / "one/p.yaml"]) == {tmp_path / "one"}
    assert tmp_path in folders_of([tmp_path / "current"])
    assert folders_of([tmp_path / "gone/p.yaml"]) == set()


def test_folders_are_those_of_all_links_on_the_way(tmp_path: Path) -> None:
    """A release is switched by any of them; a circle of them has an end."""
    fill(tmp_path, "releases/1/p.yaml")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/current").symlink_to("../latest")
    (tmp_path / "latest").symlink_to(tmp_path / "releases/1")
    assert folders_of([tmp_path / "etc/current/p.yaml"]) == {
        tmp_path,
        tmp_path / "etc",
        tmp_path / "etc/current",
    }
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert folders_of([tmp_path / "one/p.yaml"]) == {tmp_path}


def test_a_file_of_another_name_is_not_read(tmp_path: Path) -> None:
    """Findings quote files, and `policy:shadow` takes any path."""
    secret = tmp_path / "shadow"
    secret.write_text("root:secret")
    with pytest.raises(PolicyError) as caught:
        read_sources([secret])
    (finding,) = caught.value.findings
    assert finding.message == "a policy file name must end in .yaml, .yml, .csv, .ics"


def test_a_path_that_is_not_there_is_said_not_to_be_there(tmp_path: Path) -> None:
    """A typing error is not a matter of suffixes."""
    with pytest.raises(PolicyError) as caught:
        read_sources([tmp_path / "polices"])
    assert "No such file" in caught.value.findings[0].message
