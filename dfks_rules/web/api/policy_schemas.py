"""Schemas of decisions, policies, and what is found out about them."""

from typing import Any

from dfks_rules.web.schemas import (
    AOR,
    FEATURE,
    TEXT,
    TIME,
    nullable,
    record,
    ref,
)

_COUNT = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}
_WORDS = {"type": "array", "items": TEXT}
_EFFECT = {"type": "string", "enum": ["allow", "deny"]}
_OP = {"type": "string", "enum": ["get", "set", "subscribe"]}
_FACTS = {"type": "object", "description": "Fact → its value; those that are absent are missing."}
_ANSWER = {"type": "object", "description": "A decision in the words of `expect` in cases."}
_LOST = ["lifted", "shadow", "later", "denied", "final", "names-no-denial"]
_COUNTS = {"type": "object", "additionalProperties": _COUNT}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_FINDING = record(
    {
        "file": TEXT,
        "line": _COUNT,
        "column": _COUNT,
        "code": TEXT,
        "message": TEXT,
        "severity": {"type": "string", "enum": ["error", "warning"]},
    }
)
_GAP = record(
    {
        "op": _OP,
        "feature": nullable(FEATURE),
        "rules": _COUNT,
        "domain_rules": _COUNT,
        "denials": _COUNT,
        "decided": _WORDS,
        "sometimes": _WORDS,
        "otherwise": TEXT,
    }
)
_CHECKED = {
    "revision": TEXT,
    "usable": _FLAG,
    "findings": _list(ref("Finding")),
    "more": _COUNT | {"description": "Findings that are not listed."},
    "gaps": _list(ref("Gap")),
}
_UNSHOWN = record({"file": TEXT, "line": _COUNT, "rule": TEXT, "title": TEXT, "what": TEXT})
_EXPLAINED = {
    "decision": _ANSWER,
    "policyRevision": TEXT,
    "about": _FACTS,
    "matched": _list(ref("MatchedRule")),
    "unmatched": _list({"type": "object"}),
    "text": _WORDS | {"description": "The explanation for people, line by line."},
}

SCHEMAS: dict[str, Any] = {
    "MatchedRule": record(
        {
            "rule": TEXT,
            "said": _list(
                record(
                    {
                        "field": TEXT | {"description": "As `by` in cases names it, or `lifts`."},
                        "value": {"description": "What was decided for the field, if anything."},
                        "lost": nullable(TEXT)
                        | {"description": "Why it was not used, for people."},
                        "why": nullable({"type": "string", "enum": _LOST})
                        | {"description": "The same for programs."},
                        "by": nullable(TEXT)
                        | {"description": "The rule because of which it was not used."},
                    }
                )
            ),
        }
    ),
    "DecisionRow": record(
        {
            "id": TEXT,
            "at": TIME,
            "presentity": AOR,
            "op": _OP,
            "feature": nullable(FEATURE),
            "asked": nullable(ref("State")),
            "origin": {"type": "string", "enum": ["watcher", "operator", "internal"]},
            "actor": nullable(TEXT),
            "effect": _EFFECT,
            "reason": nullable(TEXT),
            "rule": nullable(TEXT) | {"description": "The rule that decided."},
            "policyRevision": TEXT,
        }
    ),
    "DecisionRecord": record(
        {"id": TEXT, "at": TIME, "given": _FACTS, "decision": _ANSWER, "policyRevision": TEXT}
    ),
    "Explanation": record(_EXPLAINED),
    "Evaluated": record({"summary": _WORDS, **_EXPLAINED}),
    "Finding": _FINDING,
    "Gap": _GAP,
    "Checked": record(_CHECKED),
    "Findings": record(
        {
            "failure": nullable(record({"at": TIME, "trigger": TEXT, "findings": _WORDS})),
            **_CHECKED,
        }
    ),
    "Tested": record(
        {
            "passed": _FLAG | {"description": "All passed, and there is at least one."},
            "cases": _list(
                record(
                    {
                        "file": TEXT,
                        "line": _COUNT,
                        "name": TEXT,
                        "passed": _FLAG,
                        "differences": _WORDS,
                        "why": _WORDS,
                    }
                )
            ),
            "coverage": {"type": "number", "minimum": 0, "maximum": 100},
            "uncovered": _list(_UNSHOWN) | {"description": "Rules that no case shows."},
            "untested": _list(_UNSHOWN)
            | {"description": "Tests in conditions that were never true, or never false."},
        }
    ),
    "Tried": record(
        {
            "passed": _FLAG | {"description": "All are proved, and there is at least one."},
            "proofs": _list(
                record(
                    {
                        "file": TEXT,
                        "line": _COUNT,
                        "name": TEXT,
                        "verdict": {
                            "type": "string",
                            "enum": ["proved", "refuted", "not decided", "vacuous"],
                        },
                        "reason": nullable(TEXT) | {"description": "Why it is not decided."},
                        "given": nullable(_FACTS)
                        | {"description": "A request that refutes it, or shows that there is one."},
                        "answer": nullable(_ANSWER),
                    }
                )
            ),
            "findings": _list(ref("Finding")),
        }
    ),
    "Compared": record(
        {
            "proved": _FLAG | {"description": "It is proved that all requests are decided alike."},
            "tried": _COUNT | {"description": "Requests that both decided."},
            "different": _COUNT,
            "ungrouped": _COUNT,
            "groups": _list(
                record(
                    {
                        "op": _OP,
                        "feature": nullable(FEATURE),
                        "changed": _WORDS,
                        "count": _COUNT,
                        "given": _FACTS,
                        "old": _ANSWER,
                        "new": _ANSWER,
                    }
                )
            ),
        }
    ),
    "Policies": record(
        {
            "revision": TEXT,
            "since": TIME,
            "origin": TEXT | {"description": "`files`, `rollback`, `rollout` or `last good`."},
            "policies": _list(record({"file": TEXT, "name": TEXT, "rules": _COUNT})),
            "revisions": _list(record({"revision": TEXT, "since": TIME, "origin": TEXT})),
            "shadow": _FLAG | {"description": "Whether a candidate is compared with them."},
        }
    ),
    "Rules": record(
        {
            "revision": TEXT,
            "since": nullable(TIME)
            | {"description": "When the oldest decision was made that is counted."},
            "decisions": _COUNT | {"description": "Decisions that are counted."},
            "rules": _list(ref("RuleRow")),
            "more": _COUNT | {"description": "Rules that are not listed."},
        }
    ),
    "RuleRow": record(
        {
            "rule": TEXT,
            "title": TEXT,
            "file": TEXT,
            "tenant": nullable(TEXT) | {"description": "The only domain that it can affect."},
            "shadow": _FLAG | {"description": "It is matched, and decides nothing."},
            "says": _WORDS | {"description": "Fields that it decides, such as `deny`."},
            "matched": _COUNT,
            "decided": _COUNT | {"description": "How often something that it says was used."},
            "last": nullable(TIME) | {"description": "When it matched last."},
            "schedules": _list(
                record(
                    {
                        "name": TEXT,
                        "zone": nullable(TEXT) | {"description": "Null: that of the server."},
                        "hours": _list(ref("WeeklyHours")),
                        "excepted": _WORDS | {"description": "Days without these hours."},
                        "extra": _WORDS | {"description": "Days with other hours, and these."},
                    }
                )
            ),
        }
    ),
    "WeeklyHours": record(
        {
            "day": {"type": "integer", "minimum": 0, "maximum": 6}
            | {"description": "On which they begin; 0 is Monday."},
            "start": _COUNT | {"description": "Minutes after midnight."},
            "end": _COUNT | {"description": "The first minute after; over 1440: the next day."},
            "weeks": {"type": "string", "enum": ["every", "even", "odd"]},
        }
    ),
    "RevisionFiles": record(
        {
            "revision": TEXT,
            "files": _list(record({"name": TEXT, "tenant": nullable(TEXT), "text": TEXT})),
        }
    ),
    "Activation": record({"revision": TEXT, "changed": _FLAG}),
    "Shadow": record(
        {
            "path": TEXT,
            "revision": TEXT,
            "since": TIME,
            "same": _COUNTS,
            "different": _COUNTS,
            "failures": _COUNT,
            "samples": _list(
                record({"given": _FACTS, "active": _ANSWER, "shadow": nullable(_ANSWER)})
            ),
        }
    ),
}
