"""All findings about policy files: errors of `reading.check`, and warnings."""

from collections.abc import Sequence
from datetime import date

from dfks_rules.errors import Finding
from dfks_rules.policy.language.document import Mode
from dfks_rules.policy.lint.allowing import without_allowed
from dfks_rules.policy.lint.bystanders import bars_others
from dfks_rules.policy.lint.conflicts import conflicts
from dfks_rules.policy.lint.exceptions import overruled
from dfks_rules.policy.lint.following import many_follow
from dfks_rules.policy.lint.groups import unknown_attributes, unknown_groups
from dfks_rules.policy.lint.letters import mixed_letters
from dfks_rules.policy.lint.lifting import expired, needless
from dfks_rules.policy.lint.numbers import unplanned
from dfks_rules.policy.lint.own_numbers import bars_own_numbers
from dfks_rules.policy.lint.ranked import RankedRule, ranked
from dfks_rules.policy.lint.shadowing import shadowed
from dfks_rules.policy.lint.single import single
from dfks_rules.policy.lint.texts import literal_texts
from dfks_rules.policy.reading.check import CheckedPolicy, check
from dfks_rules.policy.reading.memory import AFRESH, Afresh
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.directory import Directory


def check_and_lint(
    sources: Sequence[Source], today: date | None = None, memory: Afresh = AFRESH
) -> tuple[list[CheckedPolicy], list[Finding]]:
    """The policies in these files, and every finding, sorted by place.

    Only files without errors are linted: nothing certain can be said about half a file.

    Args:
        sources: in the order that ranks policies of equal band and priority.
        today: the date, to tell what has expired; None: nothing has.
        memory: reads files other than policies.

    Returns:
        Policies of the files without errors, and the findings of all files.
    """
    checked, findings, site = check(sources, memory)
    broken = {finding.file for finding in findings if finding.severity == "error"}
    sound = [one for one in checked if one.source.file not in broken and one.is_whole]
    # What seems unused may just be misspelt where it is used.
    findings = [one for one in findings if one.severity == "error" or one.file not in broken]
    if today is not None:
        findings += expired(ranked(sound), today)
    findings += [*lint(sound, site.directory), *unplanned(sound, site.targets.plan)]
    for mode in (Mode.ENFORCE, Mode.SHADOW):
        rules = ranked(sound, mode)
        findings += unknown_groups(rules, site.directory)
        findings += unknown_attributes(rules, site.directory)
        findings += bars_own_numbers(rules, site.targets)
    usable = [source for source in sources if source.file not in broken]
    return sound, sorted(without_allowed(findings, usable))


def lint(policies: Sequence[CheckedPolicy], directory: Directory | None = None) -> list[Finding]:
    """Likely mistakes in usable policies, whose groups have the members that a directory says.

    Policies with `mode: shadow` are compared only with one another: a candidate repeats much of the
    policies that it is meant to replace.
    """
    directory = Directory() if directory is None else directory
    modes = (Mode.ENFORCE, Mode.SHADOW)
    return [one for mode in modes for one in _lint(ranked(policies, mode), directory)]


def _lint(rules: Sequence[RankedRule], directory: Directory) -> list[Finding]:
    dead = shadowed(rules)
    # A rule that decides nothing cannot win.
    places = {finding[:3] for finding in dead}
    alive = [rule for rule in rules if (rule.file, *rule.place) not in places]
    return [
        *single(rules),
        *literal_texts(rules),
        *needless(rules),
        *bars_others(rules),
        *mixed_letters(rules),
        *many_follow(rules, directory),
        *dead,
        *overruled(alive),
        *conflicts(alive),
    ]
