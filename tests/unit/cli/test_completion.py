"""`dfks completion`, in the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from tests.helpers.terminals import terminal

_BIN = Path(sys.executable).parent
_LINES = [
    ("dfks mi policy:rel", "policy:reload"),
    ("dfks mi dfks_set_feature sip:a@b CallForwardingN", "CallForwardingNoAnswer"),
    ("dfks mi dfks_set_feature presentity=sip:a@b feature=CallForwardingN", "NoAnswer"),
    ("dfks completio", "completion"),
    ("dfks who --outs", "--outside"),
]


def _script(shell: str) -> str:
    result = CliRunner().invoke(dfks, ["completion", shell])
    assert result.exit_code == 0, result.exception
    return result.output


def _needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def _environment(folder: Path) -> dict[str, str]:
    path = f"{_BIN}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


@pytest.mark.parametrize(("line", "wanted"), _LINES)
def test_bash_completes(tmp_path: Path, line: str, wanted: str) -> None:
    """It replaces what follows the last `:` or `=`, so only that is offered."""
    script = tmp_path / "completion.bash"
    script.write_text(_script("bash"))
    program = f"""
        source {script}
        COMP_LINE='{line}'; COMP_POINT={len(line)}
        _dfks_completion
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = subprocess.run(
        [_needs("bash"), "--norc", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(tmp_path),
    )
    offered = found.stdout.split()
    assert len(offered) == 1
    before = line.split()[-1]
    kept = before[: max(before.rfind(":"), before.rfind("=")) + 1]
    assert (kept + offered[0]).endswith(wanted)
    assert (kept + offered[0]).startswith(before)


def test_bash_completes_after_a_space_and_leaves_none_after_a_name(tmp_path: Path) -> None:
    """By TAB, in a terminal."""
    (tmp_path / ".bashrc").write_text("PS1='$ '\n" + _script("bash"))
    command = ["env", f"HOME={tmp_path}", f"PATH={_environment(tmp_path)['PATH']}", _needs("bash")]
    with terminal([*command, "--rcfile", str(tmp_path / ".bashrc"), "-i"]) as shell:
        shell.until(lambda lines: any(line.startswith("$") for line in lines))
        shell.press("dfks mi policy:rel\t")
        shell.until(lambda lines: any("dfks mi policy:reload" in line for line in lines))
        shell.press("\x15dfks mi policy:explain whi\t")
        shell.until(lambda lines: any("policy:explain which=" in line for line in lines))
        shell.press("x")
        shell.until(lambda lines: any("policy:explain which=x" in line for line in lines))


def test_zsh_completes(tmp_path: Path) -> None:
    """By TAB, in a terminal; a colon is no end of a name."""
    zsh = _needs("zsh")
    (tmp_path / ".zshrc").write_text(
        "PS1='$ '\nautoload -Uz compinit\ncompinit -u -D\n" + _script("zsh")
    )
    command = ["env", f"HOME={tmp_path}", f"ZDOTDIR={tmp_path}"]
    command += [f"PATH={_environment(tmp_path)['PATH']}", zsh, "-i"]
    with terminal(command) as shell:
        shell.until(lambda lines: any(line.startswith("$") for line in lines))
        shell.press("dfks mi policy:rel\t")
        shell.until(lambda lines: any("dfks mi policy:reload" in line for line in lines))
        shell.press("\x15dfks mi dfks_set_feature sip:a@b CallForwardingN\t")
        shell.until(lambda lines: any("CallForwardingNoAnswer" in line for line in lines))


@pytest.mark.parametrize(("line", "wanted"), _LINES)
def test_fish_completes(tmp_path: Path, line: str, wanted: str) -> None:
    """It says what it would offer."""
    script = tmp_path / "dfks.fish"
    script.write_text(_script("fish"))
    found = subprocess.run(
        [_needs("fish"), "--no-config", "-c", f"source {script}; complete -C '{line}'"],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(tmp_path),
    )
    assert found.stdout.split("\t")[0].strip().endswith(wanted)


def test_other_shells_are_a_usage_error() -> None:
    """Three are known."""
    assert CliRunner().invoke(dfks, ["completion", "tcsh"]).exit_code == 2
