"""The ready examples on a real server, and what its decision log says of them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from lxml import etree

from dfks_rules.app.desk.policies import load_policies
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.studying.replay import recorded
from tests.helpers.server import ROOT, serve
from tests.helpers.ua import Message, Ua, dnd, forward

pytestmark = pytest.mark.e2e

AGENT = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?>\r\n'
    b'<SetAgentState xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">\r\n'
    b"<device></device>\r\n<requestedAgentState>loggedOn</requestedAgentState>\r\n"
    b"<agentID/><password></password>\r\n</SetAgentState>\r\n"
)
AGENT_REASON = (
    b"<extensions>\r\n<privateData>\r\n"
    b'<private xmlns:pri="http://schema.broadsoft.com/CSTAPrivateData">\r\n'
    b"<pri:AgentNotReadyReasonValue>10</pri:AgentNotReadyReasonValue></private>\r\n"
    b"</privateData>\r\n</extensions>\r\n"
)
BOSS, SECRETARY = "sip:boss@acme.example", "sip:secretary@acme.example"
EXAMPLES = ("boss-secretary", "call-centre", "storm-control", "toll-fraud")


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The default policies and some examples; states and decisions are kept in files."""
    folder = tmp_path / "policies"
    folder.mkdir()
    shutil.copy(ROOT / "policies/default/policy.yaml", folder / "default.yaml")
    for name in EXAMPLES:
        for file in (ROOT / "policies/examples" / name).iterdir():
            if file.suffix in (".yaml", ".csv") and file.stem != "cases":
                shutil.copy(file, folder / f"{name}-{file.name}")
    return {
        "policies": [str(folder)],
        "store": f"sqlite:{tmp_path / 'dfks.db'}",
        "reload": {"last_good": str(tmp_path / "last_good.json")},
        "decisions": {"file": str(tmp_path / "decisions.jsonl"), "mask": False},
    }


def stored(server: Any, presentity: str) -> int:
    """Whether do not disturb is stored as on."""
    features = server.mi("dfks:get_features", presentity=presentity)["result"]["features"]
    status: int = features[0]["stored"]["status"]
    return status


def test_boss_and_secretary_are_told_once_each_and_both_last(
    config: dict[str, Any], tmp_path: Path
) -> None:
    """Who pressed and who follows, over two transports, by phone and by operator, and kill -9."""
    with serve(tmp_path, config) as server:
        boss = Ua(server.ports["udp"], BOSS)
        secretary = Ua(server.ports["tcp"], SECRETARY, "tcp")
        with boss, secretary:
            boss.subscribe()
            secretary.subscribe()
            boss.accepted(boss.exchange(body=dnd(on=True)))
            for phone in (boss, secretary):
                assert phone.notify().told == {"DoNotDisturb": "on"}
                assert phone.unread() == []
            params = {"presentity": SECRETARY, "feature": "DoNotDisturb"}
            made = server.mi("dfks:set_feature", **params, status=0)["result"]
            assert made["also"] == [{"presentity": BOSS, "feature": "DoNotDisturb", "status": 0}]
            for phone in (boss, secretary):
                assert phone.notify().told == {"DoNotDisturb": "off"}
                assert phone.unread() == []
            server.mi("dfks:set_feature", **params, status=1)
            server.kill()
    with serve(tmp_path, config) as server:
        assert [stored(server, one) for one in (BOSS, SECRETARY)] == [1, 1]


def _told_of_agent(notify: Message) -> str:
    """Root of the event that a NOTIFY with one document tells."""
    assert notify.headers["content-type"] == "application/x-as-feature-event+xml"
    return str(etree.QName(etree.fromstring(notify.body)).localname)


def test_agents_are_told_of_each_others_phones_and_of_the_operator(
    config: dict[str, Any], tmp_path: Path
) -> None:
    """Anna has two phones; her team leader uses MI; Otto is no agent; a restart forgets nothing."""
    anna, otto = "sip:anna@acme.example", "sip:otto@acme.example"
    not_ready = AGENT.replace(b"loggedOn", b"notReady").replace(b"<agentID/>", AGENT_REASON)
    with serve(tmp_path, config) as server:
        phones = [Ua(server.ports["udp"], anna), Ua(server.ports["tcp"], anna, "tcp")]
        with phones[0] as desk, phones[1] as headset, Ua(server.ports["udp"], otto) as other:
            assert b"<AgentLoggedOffEvent" in desk.subscribe().body
            headset.subscribe()
            assert b"Agent" not in other.subscribe().body
            for body, root in ((AGENT, "AgentLoggedOnEvent"), (not_ready, "AgentNotReadyEvent")):
                desk.accepted(desk.exchange(body=body))
                assert [_told_of_agent(one.notify()) for one in (desk, headset)] == [root, root]
            asked = {"presentity": anna, "feature": "AgentState", "status": 1}
            made = server.mi("dfks:set_feature", **asked)["result"]
            assert made["before"] == {"status": 0, "state": "notReady", "reason": "10"}
            assert made["after"] == {"status": 1, "state": "ready"}
            for one in (desk, headset):
                assert _told_of_agent(one.notify()) == "AgentReadyEvent"
            other.accepted(other.exchange(body=AGENT))
            assert other.notify().body == b""
            server.kill()
    with serve(tmp_path, config) as server:
        shown = server.mi("dfks:get_features", presentity=anna)["result"]["features"][-1]
        assert shown["told"] == {"status": 1, "state": "ready"}


def test_a_decision_log_repeats_every_decision(config: dict[str, Any], tmp_path: Path) -> None:
    """Rates, targets and groups included: else nobody could try a change on last week's calls."""
    with serve(tmp_path, config) as server:
        with Ua(server.ports["udp"], "sip:flood@acme.example") as phone:
            phone.subscribe()
            statuses = []
            for number in range(25):
                statuses.append(phone.exchange(body=dnd(on=number % 2 == 0)).status)
                for notify in phone.unread():
                    phone.answer(notify)
            assert statuses == [200] * 20 + [403] * 5
        for target in ("+49900123456", "+4420123456", "sip:bob@acme.example", "tel:112"):
            with Ua(server.ports["udp"], "sip:u1@acme.example") as phone:
                phone.subscribe()
                phone.accepted(phone.exchange(body=forward(True, target)))
                phone.notify()
        # Whoever does it often, an operator always gets through.
        params = {"presentity": "sip:flood@acme.example", "feature": "DoNotDisturb"}
        assert "result" in server.mi("dfks:set_feature", **params, status=1)
        assert server.stop() == 0
    policies = load_policies(map(Path, config["policies"]))
    lines = Path(config["decisions"]["file"]).read_bytes().splitlines()
    assert len(lines) > 40
    for line in lines:
        record = orjson.loads(line)
        again = answer_of(policies.decide_view(recorded(line)))
        assert orjson.loads(orjson.dumps(again)) == record["decision"], record["given"]
        assert record["revision"] == policies.revision
    policies.close()


def test_a_decision_log_that_cannot_be_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    """It was told as `cannot listen`, and nobody looked at the disk."""
    (tmp_path / "file").write_text("")
    (tmp_path / "dfks.yaml").write_text(
        'sip: {listen: ["udp:127.0.0.1:0"]}\nstore: "memory:"\n'
        f"policies: [{ROOT / 'policies/default'}]\nreload: {{last_good: {tmp_path}/last.json}}\n"
        f"decisions: {{file: {tmp_path}/file/decisions.jsonl}}\n"
    )
    command = [str(Path(sys.executable).with_name("dfks")), "serve", "--config", "dfks.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert done.returncode == 3
    assert "decisions.file: cannot log decisions to" in done.stderr
