"""What an editor shows about a place."""

import pytest

from dfks_rules.policy.editing.looking import definitions_at, hover, mention_at
from tests.helpers.edited import HEAD, at_cursor, folder


def _shown(text: str) -> str:
    file, line, column = at_cursor(text)
    found = hover(file, line, column, [file])
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("    wh|en: {op: set}", "matches if this is true"),
        ("    when: {o|p: set}", "One of `get`, `set`, `subscribe`."),
        ("    when: {user.mana|ger: x}", "fact `user.manager`: text"),
        ("    when: {user: {pre|fix: x}}", "matcher `prefix`"),
        ("    when: {watcher: {sameAs: pres|entity}}", "fact `presentity`"),
        ("    when: {time: {during: ho|urs}}", "schedule `hours`"),
        ('    then: {log: "${us|er}"}', "fact `user`"),
        ("    then: {de|ny: x}", "Refuse the request"),
        ("    when: {tim|", ""),
        ("    # wh|en", ""),
    ],
)
def test_help_is_what_the_tables_say(text: str, shown: str) -> None:
    """About keys, facts, matchers, effects, and about names what they stand for."""
    assert shown in _shown(HEAD + text)
    assert bool(shown) is bool(_shown(HEAD + text))


def test_a_rule_in_a_case_is_described_and_leads_to_its_definition() -> None:
    """Across files."""
    files = folder("policies/examples/business-hours")
    cases = next(one for one in files if one.source.file == "cases.yaml")
    (use,) = [one for one in cases.uses if "no-forwarding" in one.name]
    where = (cases, use.span.line, use.span.start + 2)
    shown = hover(*where, files)
    assert shown is not None
    assert shown[0].startswith("rule `business-hours/no-forwarding-outside-in-hours`")
    (found,) = definitions_at(*where, files)
    assert (found.file, found.name) == ("policy.yaml", use.name)
    assert mention_at(*where) == use


def test_what_is_no_name_leads_nowhere() -> None:
    """A key of the language."""
    file, line, column = at_cursor(HEAD + "    wh|en: {op: set}")
    assert definitions_at(file, line, column, [file]) == []
