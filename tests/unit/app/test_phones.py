"""The side of phones, wired; whole servers are in tests/e2e."""

from pathlib import Path

from dfks_rules.app.exposition.exposition import Exposition
from tests.helpers.wired import config_of, parts_of


def _groups(collected: dict[str, int]) -> set[str]:
    return {name.partition(":")[0] for name in collected}


async def test_what_is_not_configured_is_not_counted(tmp_path: Path) -> None:
    """A counter that can never rise would only mislead."""
    async with parts_of(config_of(tmp_path)) as parts:
        plain = _groups(dict(parts.metrics.collect()))
    auth = {"mode": "trusted", "trusted": ["127.0.0.1"]}
    config = config_of(tmp_path, store="sqlite:dfks.db", auth=auth)
    async with parts_of(config) as parts:
        full = _groups(dict(parts.metrics.collect()))
    assert {"driver", "features", "presence", "transport"} <= plain
    assert {"auth", "store"} <= full - plain


async def test_each_room_of_phones_is_shown_to_prometheus(tmp_path: Path) -> None:
    """One that is forgotten is missed when something is wrong with it."""
    async with parts_of(config_of(tmp_path)) as parts:
        exposition = Exposition()
        parts.phones.show_in(exposition)
        shown = (await exposition.scrape()).body.decode()
    for metric in (
        "dfks_transactions",
        "dfks_sip_limited",
        "dfks_subscriptions",
        "dfks_policy_info",
    ):
        assert f"# TYPE {metric}" in shown
