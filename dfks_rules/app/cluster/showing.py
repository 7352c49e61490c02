"""What Prometheus is told of a cluster, each node for itself."""

from collections import Counter
from functools import partial

from dfks_rules.app.cluster.node import Node
from dfks_rules.app.cluster.operating import ClusterDesk
from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.exposition.families import Reading
from dfks_rules.operations.cluster import STATES, is_living
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.standing import Standing


def add_cluster(exposition: Exposition, node: Node, desk: ClusterDesk, notifier: Notifier) -> None:
    """This node among several, and what it sees of them."""

    def nodes() -> list[Reading]:
        # Of a life that has ended, and whose subscriptions others have, nothing has to be seen to.
        counted = Counter(one.state for one in desk.seen if is_living(one) or one.cohorts)
        return [Reading(counted[state], (state,)) for state in STATES]

    def standings() -> list[Reading]:
        now = node.standing_now
        return [Reading(int(one is now), (one.value,)) for one in Standing]

    def counted(name: str) -> list[Reading]:
        return [Reading(node.counts.get(name, 0))]

    def failures() -> list[Reading]:
        return [
            Reading(node.counts[name], (call,))
            for call, name in (("life", "engine_failures"), ("feed", "feed_failures"))
        ]

    adoptions = notifier.counts
    exposition.add("dfks_cluster_nodes", nodes)
    exposition.add("dfks_cluster_standing", standings)
    exposition.add("dfks_cluster_lease_seconds", lambda: [Reading(node.lease_left)])
    exposition.add("dfks_cluster_feed_lag", lambda: [Reading(node.lag)])
    exposition.add("dfks_cluster_feed_age_seconds", lambda: [Reading(node.feed_age)])
    exposition.add("dfks_cluster_clock_skew_seconds", lambda: [Reading(node.member.skew)])
    exposition.add("dfks_cluster_feed_changes_total", partial(counted, "feed_changes"))
    exposition.add("dfks_cluster_buried_total", partial(counted, "buried"))
    exposition.add("dfks_cluster_taken_over_total", partial(counted, "taken"))
    exposition.add("dfks_cluster_engine_failures_total", failures)
    exposition.add(
        "dfks_cluster_adoptions_total",
        lambda: [
            Reading(adoptions["adopted"], ("adopted",)),
            Reading(adoptions["adoptions_failed"], ("failed",)),
        ],
    )
