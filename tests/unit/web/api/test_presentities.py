"""Users whose features are kept."""

from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState
from dfks_rules.model.identity import Aor
from tests.helpers.operations import MemoryOperations, subscription
from tests.helpers.web import api

_DND = Feature.DO_NOT_DISTURB
_ALICE = "/v1/presentities/sip:alice@example.com"


def _with(*names: str) -> MemoryOperations:
    operations = MemoryOperations()
    for name in names:
        user, _, domain = name.partition("@")
        snapshot = NOTHING_STORED.replace(_DND, FeatureState(len(user) == 1))
        operations.states[Aor(user, domain)] = snapshot
    return operations


async def test_a_presentity_shows_what_is_stored_and_its_revision() -> None:
    """The revision is the ETag; whoever knows it gets nothing again."""
    async with api(_with("a@x.example")) as web:
        path = "/v1/presentities/a@x.example"
        got = await web.ask("GET", path)
        assert got.headers["ETag"] == '"1"'
        assert got.json["presentity"] == "sip:a@x.example"
        assert got.json["features"]["DoNotDisturb"] == {"status": "on"}
        assert "told" not in got.json
        again = await web.ask("GET", path, If_None_Match='"1"')
        assert (again.status, again.body) == (304, b"")
        assert (await web.ask("GET", path, If_None_Match='"0"')).status == 200


async def test_what_a_phone_is_told_is_asked_for() -> None:
    """A feature that it may not know is missing."""
    async with api(MemoryOperations()) as web:
        told = (await web.ask("GET", f"{_ALICE}?as=phone")).json["told"]
        assert told["DoNotDisturb"] == {"status": "off"}
        assert "AgentState" not in told


async def test_pages_go_through_all_in_order() -> None:
    """By domain and user, each once."""
    names = ["b@x.example", "a@y.example", "c@x.example", "a@x.example"]
    async with api(_with(*names)) as web:
        found, path = [], "/v1/presentities?limit=3"
        while True:
            page = (await web.ask("GET", path)).json
            found += [one["presentity"] for one in page["items"]]
            if "next" not in page:
                break
            path = f"/v1/presentities?limit=3&after={page['next']}"
    assert found == ["sip:a@x.example", "sip:b@x.example", "sip:c@x.example", "sip:a@y.example"]


async def test_lists_are_of_a_domain_or_of_those_where_a_feature_is_on() -> None:
    """Who has forwarded everything?"""
    async with api(_with("a@x.example", "bob@x.example", "c@y.example")) as web:
        page = (await web.ask("GET", "/v1/presentities?domain=x.example&on=DoNotDisturb")).json
        assert [one["presentity"] for one in page["items"]] == ["sip:a@x.example"]


async def test_phones_are_told_again() -> None:
    """Phone says X, server says Y."""
    operations = MemoryOperations()
    operations.rows = [subscription(1), subscription(2)]
    async with api(operations) as web:
        assert (await web.ask("POST", f"{_ALICE}/notify")).json == {"watchers": 2}


async def test_a_switch_is_told_what_to_do_with_a_call() -> None:
    """Targets as URIs, as in the view; and only if it has changed."""
    operations = MemoryOperations()
    async with api(operations) as web:
        path = "/v1/presentities/sip:alice@example.com"
        body = {"status": "on", "forwardTo": "0 30/12"}
        await web.ask("PUT", f"{path}/features/CallForwardingAlways", body)
        got = await web.ask("GET", f"{path}?as=calls")
        assert got.json["calls"] == {
            "dnd": 0,
            "cfa": 1,
            "cfaTo": "0 30/12",
            "cfaUri": "sip:03012@example.com",
            "cfb": 0,
            "cfna": 0,
        }
        again = await web.ask("GET", f"{path}?as=calls", If_None_Match=got.headers["ETag"])
        assert again.status == 304


async def test_what_time_will_change_is_asked_for_so_many_hours_ahead() -> None:
    """Two days, where nobody says otherwise."""
    async with api(_with("a@x.example")) as web:
        path = "/v1/presentities/a@x.example/next"
        [change] = (await web.ask("GET", path)).json["changes"]
        assert (change["cause"], change["rule"]) == ("expire", "p/two-hours")
        assert (change["before"], change["after"]) == ({"status": "on"}, {"status": "off"})
        assert (await web.ask("GET", f"{path}?hours=1")).json == {"changes": []}
        for hours in ("0", "745", "1e3", "²"):
            assert (await web.ask("GET", f"{path}?hours={hours}")).status == 400
