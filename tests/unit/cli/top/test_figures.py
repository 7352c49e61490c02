"""The figures of one second."""

import json
from typing import Any

from dfks_rules.app.exposition.table import SECTIONS
from dfks_rules.cli.top.figures import LATENCIES, RATES, figures
from dfks_rules.cli.top.loud import Loud
from dfks_rules.cli.top.samples import Sample, Samples

_TEXT = """
process_start_time_seconds 1767614400
process_cpu_seconds_total {cpu}
dfks_decisions_total{{op="set",feature="DoNotDisturb",effect="allow"}} {sets}
dfks_decisions_total{{op="set",feature="DoNotDisturb",effect="deny"}} {refused}
dfks_sip_limited_total{{limit="rate",answer="dropped"}} {dropped}
dfks_subscriptions{{transport="udp"}} 7
dfks_policy_info{{revision="5e1f",origin="files"}} 1
dfks_policy_last_reload_successful 0
dfks_build_info{{version="0.1.0",python="3.11"}} 1
dfks_store_queue 3
"""


def _told() -> dict[str, Any]:
    samples = Samples()
    samples.add(Sample(_TEXT.format(cpu=1.0, sets=10, refused=0, dropped=0), 0.0))
    samples.add(Sample(_TEXT.format(cpu=1.25, sets=30, refused=5, dropped=100), 1.0))
    statistics = {"presence:limit_per_user": 2, "presence:limit_unproved": 0, "sip:x": 9}
    ready = {"checks": {"store": "ok", "policies": "failing"}}
    return figures(samples, Loud(), statistics, ready, 1.0)


def test_the_figures_of_a_second() -> None:
    """All of the issue: rates, subscriptions, floods, store, policies."""
    told = _told()
    assert (told["rates"]["sets"], told["rates"]["refused"]) == (25.0, 5.0)
    assert told["floods"]["rate"] == 100.0
    assert told["floods"]["limits"] == {"per_user": 2}
    assert told["subscriptions"] == {"udp": 7}
    assert (told["store"]["ready"], told["store"]["queue"]) == (True, 3)
    policies = told["policies"]
    assert (policies["ready"], policies["revision"], policies["lastReload"]) == (
        False,
        "5e1f",
        False,
    )
    assert (told["server"]["cpuPercent"], told["server"]["version"]) == (25.0, "0.1.0")
    json.dumps(told)


def test_of_a_server_that_tells_nothing_nothing_is_known() -> None:
    """A token without scopes, or a server that is away."""
    told = figures(Samples(), Loud(), {}, {}, 0.0)
    assert set(told["rates"].values()) == {None}
    assert told["store"]["ready"] is None
    assert told["policies"]["lastReload"] is None


def test_every_metric_that_is_looked_at_exists() -> None:
    """A metric that is renamed must not leave a column empty."""
    names = {family.name for families in SECTIONS.values() for family in families}
    wanted = {name.removesuffix("_count") for name, _ in (*RATES.values(), *LATENCIES.values())}
    assert wanted <= names
