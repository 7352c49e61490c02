"""What random policies and requests are made of: constants, schedules, files of a site."""

from typing import Any

from dfks_rules.model.values import MAX_TEXT
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.reading.source import Source

HOSTILE = [
    "",
    "alice",
    "bob",
    'x"y',
    "x\\",
    '","a0":1,"f0":1,"z":"',
    '{"id":"r"}',
    "nul\x00nul",
    "line\nline",
    "😀 à ﷽",
    "\u202egnirts",
    "1e16",
    "1",
    "+4930123456",
    "sip:+4930123456@example.com",
    "${user}",
    "*[a-z]?",
    "$and",
    "x" * MAX_TEXT,
]
NUMBERS = ["+4930123456", "+49", "+19004440100"]
"""Constants of `target.number`, which is always in E.164 form."""
CONSTANTS: dict[Kind, list[Any]] = {
    Kind.TEXT: HOSTILE,
    Kind.DOMAIN: ["example.com", "acme.example", "[2001:db8::1]", 'x"{}$\\.example'],
    Kind.AOR: ["sip:alice@example.com", "sip:bob@acme.example", 'sip:"@example.com', "sip:x"],
    Kind.STATUS: [0, 1],
    Kind.COUNT: [0, 1, 3, 100],
    Kind.IP: ["10.0.0.7", "192.0.2.1", "2001:db8::7"],
    Kind.TIME: ["00:00", "07:59", "12:00", "23:59"],
    Kind.FLAG: [True, False],
    Kind.NAMES: ["sales", "x"],
    Kind.NUMBERS: NUMBERS,
    Kind.CLASS: ["internal", "unknown", "national", "premium"],
    Kind.COUNTRY: ["DE", "US"],
    Kind.DATE: ["2026-01-05", "2026-12-31", "2024-02-29"],
}
PATTERNS = {
    ".*": ["alice", "", "line\nline", "x" * MAX_TEXT],
    "[a-z]+": ["alice", "a", "1a", "alicE"],
    "(sip:)?\\+[0-9]{6,15}(@.*)?": ["+493012", "+49301", "sip:+4930123456@x", "+493012x"],
    "(?i)ALICE": ["alice", "Alice", "alic", "alices"],
    "a.c": ["abc", "a\nc", "ac", "abcd", "xabc"],
    "\\d{2,3}": ["201", "20", "2", "2010", "\u0662\u0660"],
    "[^@]*@acme\\.example": ["sip:bob@acme.example", "@acme.example", "bob@acmexexample"],
}
"""Regular expression → texts, of which it matches some."""
GLOBS = {
    "a*e": ["alice", "ae", "a", "xae", "alicex"],
    "?ob": ["bob", "ob", "xbob", "bobx", "Bob"],
    "*[0-9]": ["1", "+4930123456", "a", "1a"],
    "sip:*@[!a]*": ["sip:alice@example.com", "sip:bob@acme.example", "sip:@", "sip:b@b"],
    "[a-c]*x": ["ax", "cx", "dx", "Ax", "ax."],
}
"""Likewise, with wild cards."""
RANGES = [[1, 3], [0, 0], [201, 301], [3, 100], [0, 999_999_999_999_999]]
SCHEDULES = {
    "office": {"tz": "Europe/Berlin", "weekly": ["Mon-Fri 08:00-18:00"], "except": ["2026-01-05"]},
    "night": {"weekly": ["Daily 22:00-08:00"]},
    "yearly": {
        "weekly": ["Mon-Fri 08:00-18:00 in even weeks", "Sat,Sun 00:00-24:00 in odd weeks"],
        "except": ["12-31", "1st Mon of Jan", "easter+1"],
        "also": ["02-29 07:00-08:00"],
    },
    "holidays": {"weekly": ["Mon-Fri 08:00-18:00"], "except": [{"calendar": "days"}]},
    "local": {"tz": {"from": "user.zone"}, "weekly": ["Mon-Fri 08:00-18:00"]},
}
LISTED = ["alice", "sip:+4930123456@example.com", "+49", "example.com", "sip:bob@acme.example"]
"""The entries of a list, of which some suit every fact that is a text."""
NETWORKS = ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "0.0.0.0/0"]

SITE = [
    Source(
        "users.csv",
        "user,domain,groups,role,numbers,manager,team,zone\n"
        "alice,example.com,sales x,owner,201 +4930123456,bob,1,Europe/Berlin\n"
        "bob,acme.example,sales,,201,,1,America/New_York\n"
        "bob,example.com,x,,,alice,x,\n",
    ),
    Source(
        "numbers.yaml",
        "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: numbers}\ncountry: DE\n"
        "domains: {acme.example: {country: US, outside: '9'}}\nclasses: {national: ['+4930']}\n",
    ),
]
"""What random policies may know about users and numbers."""
OF_FAMILIES = (
    *("user.manager", "watcher.manager", "user.team", "watcher.team", "target.team"),
    *("group.sales.DoNotDisturb.off", "group.x.DoNotDisturb.on"),
)
"""Facts that no table lists."""
NAMED_LIST = NamedList("listed", frozenset(LISTED))
LIST = Source("listed.csv", "\n".join(["entry", *LISTED]))
"""What they refer to."""
VARS = Source(
    "vars.yaml",
    "apiVersion: dfks/v1\nkind: Vars\nmetadata: {name: shared}\n"
    "vars: {desk: 'sip:desk@example.com', vips: [alice, bob]}\n",
)
CALENDAR = Source(
    "days.ics",
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=YEARLY\r\n"
    "SUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
)
SHARED = [LIST, VARS, CALENDAR]
"""All files that policies refer to."""
