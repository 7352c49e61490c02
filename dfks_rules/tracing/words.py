"""Messages and decisions in a few words for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dfks_rules.policy.words.wording import printable
from dfks_rules.tracing.entries import Decided, Message

_FIRST_LINE = re.compile(rb"[^\r\n]*+")
_DETAIL = re.compile(rb"\n(?i:(CSeq|Expires|Subscription-State|o|Event))[ \t]*+:[ \t]*+([^\r\n]*+)")
_MAX_DETAIL = 60
_MAX_LINE = 200


def title_of(message: Message) -> str:
    """What a message is: `SUBSCRIBE`, `200 OK`; the beginning of what is no message."""
    found = _FIRST_LINE.match(message.data)
    line = (found[0] if found else b"")[:_MAX_LINE].decode(errors="replace")
    words = line.split(" ")
    if line.startswith("SIP/2.0 ") and len(words) > 1:
        return printable(" ".join(words[1:]))
    if len(words) == 3 and words[2].startswith("SIP/"):
        return printable(words[0])
    return f"? {printable(line)}"


def details_of(message: Message) -> str:
    """What its headers say that tells it from others: CSeq, and what each kind of message has."""
    head = message.data.partition(b"\r\n\r\n")[0]
    found: dict[str, str] = {}
    for name, value in _DETAIL.findall(head):
        text = printable(value.strip()[:_MAX_DETAIL].decode(errors="replace"))
        found.setdefault(name.decode().lower(), text)
    shown = []
    if "cseq" in found:
        shown.append(f"CSeq {found['cseq']}")
    if "subscription-state" in found:
        shown.append(found["subscription-state"])
    elif "expires" in found:
        shown.append(f"expires {found['expires']}")
    if message.length > len(message.data):
        shown.append(f"cut after {len(message.data)} of {message.length} bytes")
    return ", ".join(shown)


def sentences_of(decided: Decided) -> list[str]:
    """What was decided, a sentence for each set, subscription or refusal, and one for all gets."""
    if decided.failure:
        return [f"{decided.presentity}: the store failed: {printable(decided.failure)}"]
    gets = [one for one in decided.decisions if one["op"] == "get" and one["effect"] == "allow"]
    others = [one for one in decided.decisions if one not in gets]
    sentences = [_sentence(one) for one in others]
    if gets:
        sentences.append(f"told {_told(gets)}{_by(_rules(gets))} [{gets[0]['id']}]")
    return [f"{_asker(decided)}{sentence}" for sentence in sentences]


def _asker(decided: Decided) -> str:
    """Who asked, where it is not the presentity's own phone."""
    if decided.origin == "watcher":
        if decided.watcher in (None, decided.presentity):
            return ""
        return f"{decided.watcher} at {decided.presentity}: "
    who = decided.origin if decided.actor is None else printable(decided.actor)
    return f"{who} at {decided.presentity}: "


def _sentence(one: Mapping[str, Any]) -> str:
    what = [one["op"]]
    if "feature" in one:
        what.append(one["feature"])
    if one.get("asked") is not None:
        what.append(_state(one["asked"]))
    if one["effect"] == "deny":
        text = f" ({printable(one['text'])})" if "text" in one else ""
        end = f"refused, {one['reason']}{text}{_by([one['rule']] if one.get('rule') else [])}"
    else:
        changes = ""
        if "changed" in one:
            changes = ", changed" if one["changed"] else ", nothing changed"
        end = f"allowed{changes}{_by(one['matched'])}"
    return f"{' '.join(what)}: {end} [{one['id']}]"


def _told(gets: Iterable[Mapping[str, Any]]) -> str:
    shown = (
        f"{one['feature']} {_state(one['told'])}" for one in gets if one.get("told") is not None
    )
    return ", ".join(shown) or "nothing"


def _rules(gets: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(rule for one in gets for rule in one["matched"]))


def _by(rules: Iterable[str]) -> str:
    named = ", ".join(rules)
    return f" by {named}" if named else ""


def _state(state: Mapping[str, Any]) -> str:
    values: Iterator[str] = (f"{name}={value}" for name, value in state.items() if name != "status")
    return printable(" ".join([state["status"], *values]))
