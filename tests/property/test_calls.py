"""What a proxy calls is what the policies have judged."""

import json
import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.policy.site.dialled import Dialled, read_dialled
from dfks_rules.policy.site.spelling import Spelling, read_spelling
from dfks_rules.store.migrations import migrate

_DOMAIN = "acme.example"
_PIECES = (
    *("sip:", "SIPS:", "tel:", "callto:", "@", "x", "201", "+49", "carol", "carol.smith", _DOMAIN),
    *("other.example", "10.0.0.1", "[::1]", ":", ";", "?", "phone-context", ";phone-context=+4930"),
    *(";phone-context=x", ";maddr=other.example", ";user=phone", ";transport=tcp", " ", "-", "."),
    *("(0)", "/", "<", ">", '"', "%32", "%40", "%2B", "%25", "%", "%3b", "%3a", "%2541", "*72"),
    *("#31#", "#", ",", "\uff12", "+", "=", ";1", "p", "w", "ext", "'", "\\", "_", "é", "~", "!"),
)


def _connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection)
    connection.execute("INSERT INTO presentity VALUES ('u', ?, 1, 0)", [_DOMAIN])
    return connection


_CONNECTION = _connection()


def _uri(target: str) -> str | None:
    _CONNECTION.execute(
        "INSERT OR REPLACE INTO feature_state"
        "(user, domain, feature, status, changed_at, feature_values)"
        "VALUES ('u', ?, 'CallForwardingAlways', 1, '', ?)",
        (_DOMAIN, json.dumps({"forwardTo": target})),
    )
    [uri] = _CONNECTION.execute("SELECT cfa_uri FROM dfks_calls").fetchone()
    return None if uri is None else str(uri)


def _called(spelling: Spelling) -> Dialled | str | None:
    """Who is called: digits, or a name."""
    if read_dialled(spelling.user) is None:
        return spelling.user
    context = "" if spelling.user.startswith("+") else spelling.context
    return read_dialled(context + spelling.user)


@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=7).map("".join))
def test_a_uri_leads_where_the_policies_take_the_target_to_lead(target: str) -> None:
    """No spelling gets past a policy by way of the view: one that is ambiguous has no URI."""
    uri = _uri(target)
    if uri is None:
        return
    judged, called = read_spelling(target), read_spelling(uri)
    assert judged is not None, (target, uri)
    assert called is not None, (target, uri)
    assert called.host == (judged.host or _DOMAIN), (target, uri)
    assert _called(called) == _called(judged), (target, uri)
