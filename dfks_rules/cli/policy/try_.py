"""`dfks policy try`: change facts, and see what the policies decide."""

import cmd
import json
import readline
import sys
from pathlib import Path
from typing import Any

import click

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.cli.policy.asking import fact_line
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.studying.explain import Explanation, decision_line, explain, lines_of
from dfks_rules.policy.studying.given_files import INCOMPLETE, parse_given


@click.command("try")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(paths: tuple[Path, ...]) -> None:
    """Try the policy files and directories PATHS: set facts, and see the decision."""
    policies = load_policies(paths)
    try:
        Shell(policies).cmdloop()
    except KeyboardInterrupt:
        click.echo()
    finally:
        policies.close()


class Shell(cmd.Cmd):
    """The facts given so far, and the commands that change them."""

    intro = "set facts, e.g. `set op get`; `help` lists the commands, Ctrl-D exits"
    prompt = "> "

    def __init__(self, policies: PolicySet) -> None:
        super().__init__()
        if not sys.stdin.isatty():
            self.use_rawinput, self.prompt = False, ""
        readline.set_completer_delims(" ")
        self._policies = policies
        self._facts: dict[str, Any] = {}

    def do_set(self, line: str) -> None:
        """Set NAME VALUE: give a fact its value."""
        name, _, value = line.partition(" ")
        if not value:
            self._print("set NAME VALUE")
            return
        self._change(Source("set", fact_line(f"{name}={value.strip()}")))

    def do_unset(self, line: str) -> None:
        """Unset NAME: remove a fact."""
        self._facts.pop(line.strip(), None)
        self.do_decide("")

    def do_load(self, line: str) -> None:
        """Load FILE: read facts from a file, as `given` in cases."""
        try:
            self._change(Source(line, Path(line.strip()).read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            self._print(f"cannot read `{line}`: {getattr(error, 'strerror', 'it is not UTF-8')}")

    def do_reset(self, _line: str) -> None:
        """reset: forget every fact."""
        self._facts = {}

    def do_show(self, _line: str) -> None:
        """show: list the facts."""
        for name, value in self._facts.items():
            self._print(f"{name}: {value}")

    def do_decide(self, _line: str) -> None:
        """decide: show what the policies decide."""
        explanation = self._explanation()
        if explanation is not None:
            self._print(decision_line(explanation.request, explanation.decision))

    def do_why(self, line: str) -> None:
        """Why [all]: show which rules matched, and why others did not."""
        explanation = self._explanation()
        if explanation is not None:
            self._print("\n".join(lines_of(explanation, every=line.strip() == "all")))

    def do_quit(self, _line: str) -> bool:
        """quit: end the shell; also Ctrl-D."""
        return True

    def do_EOF(self, _line: str) -> bool:  # noqa: N802 - cmd's name for the end of input
        """Ctrl-D: end the shell."""
        self._print("")
        return True

    def completedefault(self, text: str, *_: object) -> list[str]:
        """Names of facts, for `set` and `unset`."""
        return [f"{name} " for name in FACTS if name.startswith(text)]

    def emptyline(self) -> bool:
        """Do nothing; cmd would repeat the last command."""
        return False

    def default(self, line: str) -> None:
        """Report an unknown command."""
        self._print(f"unknown command `{line.partition(' ')[0]}`; `help` lists the commands")

    def _change(self, source: Source) -> None:
        """Accept facts if they are valid; others may still be missing."""
        tree, findings = parse(source)
        if tree is None or not isinstance(tree.value, dict):
            self._print("\n".join(map(str, findings)) or "facts must be a mapping")
            return
        before, self._facts = self._facts, {**self._facts, **tree.value}
        findings = [one for one in self._findings() if one.code != INCOMPLETE]
        if findings:
            self._facts = before
            self._print("\n".join(finding.message for finding in findings))
        else:
            self.do_decide("")

    def _source(self) -> Source:
        return Source("facts", json.dumps(self._facts, ensure_ascii=False))

    def _findings(self) -> list[Finding]:
        try:
            parse_given([self._source()])
        except PolicyError as error:
            return error.findings
        return []

    def _explanation(self) -> Explanation | None:
        findings = self._findings()
        if not findings:
            return explain(self._policies, parse_given([self._source()]))
        self._print("\n".join(finding.message for finding in findings))
        return None

    def _print(self, text: str) -> None:
        click.echo(text)
