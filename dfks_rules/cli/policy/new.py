"""`dfks policy new`: five questions → a policy, with cases that pass."""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

from dfks_rules.cli.policy.wishes import PURPOSES, WHEN, WHOM, Wish, feature_of, when_of, whom_of
from dfks_rules.model.features import Feature
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.schema_pieces import IDENTIFIER, WANTED
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.covering import beside, cases_text, covering
from dfks_rules.policy.studying.witness import witnesses
from dfks_rules.policy.words.wording import quoted

_A = TypeVar("_A")
_TRIED = 20_000
"""Most requests among which cases are looked for."""


@click.command("new")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--what", metavar="WHAT", help=f"Answer to the first: {', '.join(PURPOSES)}.")
@click.option("--feature", metavar="FEATURE", help="Answer to the second question.")
@click.option("--whom", metavar="WHOM", help="Answer to the third question.")
@click.option("--when", metavar="HOURS", help="Answer to the fourth question.")
@click.option("--then", metavar="THEN", help="Answer to the fifth question.")
@click.option("--name", help="Name of the policy and its files; made of the answers if not given.")
def command(folder: Path, name: str | None, **given: str | None) -> None:
    """Ask five questions, and write a policy with cases into FOLDER.

    Answers come from options, or else from standard input.
    """
    if name is not None:
        _refuse(folder, name)
    wish = _asked(given)
    name = name or wish.name
    _refuse(folder, name)
    policy, cases = _files(folder, name)
    source = Source(str(policy), wish.text(name))
    load([source]).close()
    text = laid_out(source)
    count, tests = _cases(Source(policy.name, text))
    folder.mkdir(parents=True, exist_ok=True)
    policy.write_text(text, encoding="utf-8")
    cases.write_text(tests, encoding="utf-8")
    click.echo(f"{policy}: written")
    click.echo(f"{cases}: {count} {'case' if count == 1 else 'cases'} written")


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    """Of the policy, and of its cases."""
    return folder / f"{name}.yaml", folder / f"{name}-cases.yaml"


def _refuse(folder: Path, name: str) -> None:
    """Refuse the name of a policy that cannot be written.

    Raises:
        click.UsageError: no policy can have the name, or one of the files exists.
    """
    if not re.search(IDENTIFIER, name):
        raise click.UsageError(f"--name: {quoted(name)} is not {WANTED[IDENTIFIER]}")
    for file in _files(folder, name):
        if file.exists():
            raise click.UsageError(f"{file} exists; choose another name with --name")


def _asked(given: dict[str, str | None]) -> Wish:
    meanings = [f"{name}: {what.meaning}" for name, what in PURPOSES.items()]
    what = _answer(given, "what", "What should the policy do?", meanings, _what_of)
    features = [", ".join(one.value for one in Feature)]
    feature = _answer(given, "feature", "Which feature?", features, feature_of)
    whom = _answer(given, "whom", "For whom?", [WHOM], whom_of)
    when = _answer(given, "when", "When?", [WHEN], when_of)
    forms = [PURPOSES[what].then]
    then = _answer(
        given, "then", "What then?", forms, lambda answer: PURPOSES[what].effects(answer, feature)
    )
    return Wish(what, feature, whom, when, then)


def _answer(
    given: dict[str, str | None],
    option: str,
    question: str,
    forms: Sequence[str],
    parse: Callable[[str], _A],
) -> _A:
    """An answer that can be used: the option's, or the first such one on standard input.

    Raises:
        click.UsageError: that of the option cannot be, or the input ends.
    """
    if (answer := given[option]) is not None:
        try:
            return parse(answer)
        except ValueError as error:
            raise click.UsageError(f"--{option}: {error}") from error

    def parsed(answer: str) -> _A:
        try:
            return parse(answer.strip())
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    click.echo("\n".join((question, *(f"  {form}" for form in forms))))
    try:
        found: _A = click.prompt("", prompt_suffix="> ", value_proc=parsed)
    except click.Abort as error:
        # Of Ctrl-C, nobody needs an explanation.
        if isinstance(error.__context__, EOFError):
            message = f"{question} The input ended without an answer; --{option} takes one, too"
            raise click.UsageError(message) from error
        raise
    return found


def _what_of(answer: str) -> str:
    if answer not in PURPOSES:
        raise ValueError(f"`{answer}` is not one of {', '.join(PURPOSES)}")
    return answer


def _cases(source: Source) -> tuple[int, str]:
    """How many cases, and their file: what the policy does, and what it leaves alone."""
    with closing(load([source])) as policies:
        covered = Coverage().of(policies, [source])
        tried = list(islice(witnesses(policies.rules, ()), _TRIED))
        cases = [*covering(policies, covered, tried), *beside(policies, policies.rules[0], tried)]
    text = cases_text([source.file], cases)
    return len(cases), laid_out(Source("cases.yaml", text))
