"""Which files cases are about."""

import pytest

from dfks_rules.app.desk.case_files import named_by
from dfks_rules.errors import PolicyError
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import CaseFile

SOURCES = [Source("d/p.yaml", ""), Source("d/tenants/a.example/q.yaml", "", "a.example")]


@pytest.mark.parametrize(
    ("named", "found"), [(["p.yaml"], 1), (["."], 2), (["../d"], 2), (["tenants/a.example"], 1)]
)
def test_a_file_is_named_or_the_folder_it_belongs_to(named: list[str], found: int) -> None:
    """Relative to the file of cases."""
    assert len(named_by(CaseFile("d/cases.yaml", tuple(named), ()), SOURCES)) == found


def test_what_was_not_read_cannot_be_tested() -> None:
    """A finding about the file of cases."""
    with pytest.raises(PolicyError) as raised:
        named_by(CaseFile("d/cases.yaml", ("r.yaml",), ()), SOURCES)
    assert raised.value.findings[0].file == "d/cases.yaml"
