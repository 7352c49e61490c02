"""The view `dfks_calls`: what a proxy or a PBX must know about a user when a call comes.

Its columns are a promise (docs/reference/dfks-calls.md). SQL alone has to do, because readers have
none of our functions. A change of it is a new migration, which drops and creates the view.
"""

import re
import sqlite3
from functools import cache

_LOOK_ALIKES = (
    *((chr(ord(one) + 0xFEE0), one) for one in "0123456789+"),  # full width
    ("\N{NO-BREAK SPACE}", " "),
)
_ESCAPES = (
    *((f"%{ord(one):02X}", one) for one in "0123456789+*#"),
    *((f"%{ord(one):02x}", one) for one in "+*"),
)
"""Of what a phone can dial. No other one (`%40`) is undone: it may hide what splits an address."""
_SEPARATORS = tuple((one, "") for one in (" ", "-", ".", "(", ")", "/"))
"""What people write between digits (RFC 3966 §5.1.1), and slashes."""
_IN_USER = "A-Za-z0-9_.!~*''()&=+$,;?/%-"
"""Characters of the user in a URI, in a pattern of GLOB (RFC 3261 §25.1)."""
_IN_PARAMETERS = "]A-Za-z0-9_.!~*''()&+$/:=;[-"
"""The same of parameters."""
_APART = "LIMIT 1 OFFSET 0"
"""Keeps SQLite from putting each step into the next, so that the statement would grow with 2^n."""
_CONTEXT = ";phone-context=+"


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        text = f"replace({text}, '{old}', '{new}')"
    return text


def _up_to(end: str, text: str) -> str:
    """What stands before the first `end`, or all of the text."""
    return f"substr({text}, 1, instr({text} || '{end}', '{end}') - 1)"


def _expression_for(target: str, domain: str) -> str:
    """The expression for the SIP URI of a target that a phone has written; NULL if it has none.

    A number or a name without a host is one of the domain. Passwords and headers are left out: they
    have no place in a forward.
    """
    context = _up_to(";", f"substr(rest, instr(lower(rest), '{_CONTEXT}') + {len(_CONTEXT) - 1})")
    return f"""(
    WITH
    -- `"Bob" <sip:bob@x>;q=1` → `sip:bob@x`
    decoded AS (SELECT {_replaced(target, *_ESCAPES)} AS text {_APART}),
    written AS (SELECT trim({_replaced("text", *_LOOK_ALIKES)}) AS text FROM decoded {_APART}),
    bare AS (
        SELECT trim(CASE WHEN text GLOB '*<*>*'
            THEN {_up_to(">", "substr(text, instr(text, '<') + 1)")} ELSE text END) AS address
        FROM written
        -- One parameter says what a local number belongs to; several, or one with spaces, do not.
        WHERE text NOT GLOB '*%*' AND text NOT GLOB '*<*<*' AND text NOT GLOB '*>*>*'
            AND text NOT GLOB '*>[^;]*'
            AND (text NOT GLOB '*"*' OR trim({_up_to("<", "text")}) GLOB '"*"'
                AND text NOT GLOB '*"*"*"*' AND text NOT GLOB '*\\*')
            AND replace(lower(text), '{_CONTEXT[:-1]}', '') NOT GLOB '*phone-context*'
            AND lower(text) NOT GLOB '*phone-context*phone-context*'
        {_APART}
    ),
    split AS (
        SELECT address, CASE
            WHEN lower(substr(address, 1, 4)) IN ('sip:', 'tel:') THEN lower(substr(address, 1, 4))
            WHEN lower(substr(address, 1, 5)) = 'sips:' THEN 'sips:'
            WHEN lower(substr(address, 1, 7)) = 'callto:' THEN 'callto:'
            ELSE '' END AS scheme
        FROM bare
        WHERE address NOT GLOB '*[<>]*'
            AND address NOT GLOB '*;[^A-Za-z;]*'  -- A number may go on after some junk.
        {_APART}
    ),
    found AS (
        SELECT scheme, substr(address, length(scheme) + 1) AS rest FROM split {_APART}
    ),
    placed AS (
        SELECT scheme, rest,
            CASE WHEN scheme IN ('tel:', 'callto:') THEN 0 ELSE instr(rest, '@') END AS at
        FROM found
        {_APART}
    ),
    parts AS (
        SELECT scheme, at,
            CASE WHEN at THEN substr(rest, 1, at - 1) ELSE {_up_to(";", "rest")} END AS name,
            CASE WHEN at THEN {_up_to("?", "substr(rest, at + 1)")} || ';'
                ELSE {domain} || ';' END AS place,
            CASE WHEN NOT at AND instr(lower(rest), '{_CONTEXT}') AND rest NOT GLOB '+*'
                THEN {_replaced(context, *_SEPARATORS)} ELSE '' END AS context
        FROM placed
        {_APART}
    ),
    read AS (
        SELECT scheme, at, name, context, {_up_to(":", "name")} AS user,
            {_replaced(_up_to(":", "name"), *_SEPARATORS)} AS digits,
            {_up_to(";", "place")} AS host,
            rtrim(substr(place, instr(place, ';')), ';') AS parameters
        FROM parts
        -- Elsewhere, a colon belongs to a scheme that leads nobody knows where.
        WHERE (scheme GLOB 'sip*' OR name NOT GLOB '*:*') AND context NOT GLOB '?*[^0-9]*'
            AND lower({_up_to(":", "name")} || ':') NOT IN ('sip:', 'sips:', 'tel:', 'callto:')
        {_APART}
    ),
    typed AS (
        SELECT *, replace(digits, '+', '') GLOB '[0-9*#]*' AND digits GLOB '*[0-9*#]'
            AND digits NOT GLOB '+[^0-9]*' AND digits NOT GLOB '?*[^0-9*#,]*' AS is_number
        FROM read
        {_APART}
    ),
    whole AS (
        SELECT scheme, host, parameters, CASE WHEN is_number
            THEN replace(context || digits, '#', '%23') ELSE user END AS user
        FROM typed
        WHERE at OR (is_number OR context = '') AND name NOT GLOB '*[?]*' AND (
            -- `sip:x.example` and `sip:192.0.2.1` name a host and nobody there.
            is_number AND NOT (scheme GLOB 'sip*' AND name GLOB '[0-9]*.[0-9]*.[0-9]*.[0-9]*')
            OR scheme = ''
            OR scheme GLOB 'sip*' AND name NOT GLOB '*.*'
        )
        {_APART}
    )
    SELECT CASE scheme WHEN 'sips:' THEN 'sips:' ELSE 'sip:' END
        || user || '@' || host || parameters
    FROM whole
    WHERE user GLOB '[^;]*' AND user NOT GLOB '*[^{_IN_USER}]*'
        AND host GLOB '[[A-Za-z0-9]*' AND host NOT GLOB '*[^]A-Za-z0-9.:_[-]*'
        AND host NOT GLOB '*:'
        AND CASE WHEN host GLOB '[[]*'  -- an IPv6 address
            THEN host GLOB '?*]*' AND host NOT GLOB '?*[^]0-9A-Fa-f:.]*'
                AND host NOT GLOB '*][^:]*' AND host NOT GLOB '*]:*[^0-9]*'
            ELSE host NOT GLOB '*:*[^0-9]*' AND host NOT GLOB '*[][]*' END
        AND parameters NOT GLOB '*[^{_IN_PARAMETERS}]*'
    )"""  # noqa: S608 - made of constants


def _forwarding(name: str) -> str:
    """The columns of a kind of forwarding, whose row has the same name."""
    return f"""
        coalesce({name}.status, 0) AS {name}, {name}.forward_to AS {name}_to,
        {name}.uri AS {name}_uri,"""


def _row_of(name: str, feature: str) -> str:
    return f"""
        LEFT JOIN dfks_state AS {name} ON {name}.feature = '{feature}'
        AND {name}.domain = presentity.domain AND {name}.user = presentity.user"""


_VIEWS = f"""
    CREATE VIEW dfks_state AS
        SELECT *, {_expression_for("forward_to", "domain")} AS uri FROM feature_state;
    CREATE VIEW dfks_calls AS SELECT
        presentity.user AS user, presentity.domain AS domain, presentity.revision AS revision,
        coalesce(dnd.status, 0) AS dnd,{_forwarding("cfa")}{_forwarding("cfb")}{_forwarding("cfna")}
        cfna.ring_count AS cfna_rings,
        nullif(max(coalesce(dnd.changed_at, ''), coalesce(cfa.changed_at, ''),
            coalesce(cfb.changed_at, ''), coalesce(cfna.changed_at, '')), '') AS changed_at
        FROM presentity{_row_of("dnd", "DoNotDisturb")}{_row_of("cfa", "CallForwardingAlways")}\
{_row_of("cfb", "CallForwardingBusy")}{_row_of("cfna", "CallForwardingNoAnswer")};
    """  # noqa: S608 - made of constants

CREATE_CALLS = " ".join(re.sub(" +-- .*", "", _VIEWS).split())
"""`dfks_calls` has one row for each presentity for which something was ever stored; `dfks_state` is
what it is made of. Each connection reads this text, so it is short.
"""


def uri_of(target: str, domain: str) -> str | None:
    """The same SIP URI of a target, for whoever does not read the view; None where it has none.

    Args:
        target: as written.
        domain: of the user whose target it is.
    """
    try:
        [uri] = _memory().execute(_QUERY, (target, domain)).fetchone()
    except UnicodeEncodeError:  # SQLite cannot hold it.
        return None
    return None if uri is None else str(uri)


@cache
def _memory() -> sqlite3.Connection:
    """A database in which nothing is stored; it reads targets."""
    return sqlite3.connect(":memory:", check_same_thread=False)


_QUERY = f"SELECT {_expression_for('?1', '?2')}"
