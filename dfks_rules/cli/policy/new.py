"""`dfks policy new`: five questions → a policy, with cases that pass."""

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

from dfks_rules.cli.policy.wishes import PURPOSES, WHEN, WHOM, Wish, feature_of, when_of, whom_of
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.coverage import Coverage
from dfks_rules.policy.studying.covering import beside, cases_text, covering
from dfks_rules.policy.studying.witness import witnesses

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
    wish = _asked(given)
    name = name or wish.name
    policy, cases = folder / f"{name}.yaml", folder / f"{name}-cases.yaml"
    for file in (policy, cases):
        if file.exists():
            raise click.UsageError(f"{file} exists; choose another name with --name")
    source = Source(str(policy), wish.text(name))
    load([source]).close()
    text = laid_out(source)
    count, tests = _cases(Source(policy.name, text))
    folder.mkdir(parents=True, exist_ok=True)
    policy.write_text(text, encoding="utf-8")
    cases.write_text(tests, encoding="utf-8")
    click.echo(f"{policy}: written")
    click.echo(f"{cases}: {count} {'case' if count == 1 else 'cases'} written")


def _asked(given: dict[str, str | None]) -> Wish:
    meanings = "; ".join(f"{name}: {what.meaning}" for name, what in PURPOSES.items())
    what = _answer(given["what"], "What should the policy do?", meanings, _what_of)
    feature = _answer(given["feature"], "Which feature?", "DoNotDisturb, …", feature_of)
    whom = _answer(given["whom"], "For whom?", WHOM, whom_of)
    when = _answer(given["when"], "When?", WHEN, when_of)
    then = _answer(
        given["then"],
        "What then?",
        PURPOSES[what].then,
        lambda answer: PURPOSES[what].effects(answer, feature),
    )
    return Wish(what, feature, whom, when, then)


def _answer(given: str | None, question: str, forms: str, parse: Callable[[str], _A]) -> _A:
    """An answer that can be used: the option's, or the first such one on standard input.

    Raises:
        click.UsageError: that of the option cannot be.
    """
    if given is not None:
        try:
            return parse(given)
        except ValueError as error:
            raise click.UsageError(f"{question} {error}") from error

    def parsed(answer: str) -> _A:
        try:
            return parse(answer.strip())
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    answer: _A = click.prompt(f"{question} ({forms})\n", prompt_suffix="> ", value_proc=parsed)
    return answer


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
