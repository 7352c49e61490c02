"""Directory and NumberPlan files → the site."""

from collections.abc import Iterable, Sequence

from dfks_rules.errors import Finding
from dfks_rules.policy.facts.families import attributes_in
from dfks_rules.policy.reading.memory import AFRESH, Afresh
from dfks_rules.policy.reading.read_directory import read_directory
from dfks_rules.policy.reading.read_number_plan import make_number_plan, read_number_plan
from dfks_rules.policy.reading.source import DIRECTORY, NUMBER_PLAN, Source, is_csv, kind_of
from dfks_rules.policy.site.directory import make_directory
from dfks_rules.policy.site.site import Site, make_site


def read_site(sources: Sequence[Source], memory: Afresh = AFRESH) -> tuple[Site, list[Finding]]:
    """The site described by the files; files of other kinds are ignored.

    Args:
        sources: files of all kinds.
        memory: reads them.

    Returns:
        The site, and findings; if one is an error, the site must not be used.
    """
    entries, plans = [], []
    findings: list[Finding] = []
    for source in sources:
        kind = kind_of(source)
        if kind == DIRECTORY:
            some, found = memory.of(read_directory, source)
            entries += some
            findings += found
        elif kind == NUMBER_PLAN:
            plan, found = memory.of(read_number_plan, source)
            plans += [plan] if plan else []
            findings += found
    directory, contradictions = make_directory(entries, attributes_read(sources))
    number_plan, conflicts = make_number_plan(plans)
    return make_site(directory, number_plan), [*findings, *contradictions, *conflicts]


def attributes_read(sources: Iterable[Source]) -> frozenset[str]:
    """The attributes that files may read: the site of these files keeps no others."""
    texts = (source.text for source in sources if not is_csv(source.file))
    return frozenset(name for text in texts for name in attributes_in(text))
