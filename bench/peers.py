"""The same rules for other policy engines, as far as they can express them."""

import importlib.util
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from dfks_rules.model.values import Value
from dfks_rules.policy.facts.view import View


class Barred(NamedTuple):
    """One rule: in one domain, a set of one feature is refused for a reason of its own."""

    domain: str
    feature: str
    fact: str
    """What else it looks at: `request.forwardTo`, `user` or `userAgent`."""
    prefix: str
    """How that fact begins."""
    reason: str


Refuses = Callable[[View], bool]
"""Whether an engine refuses a request."""

KEYS = {"request.forwardTo": "forward_to", "user": "user", "userAgent": "user_agent"}
"""Our names → names that Cedar and Rego take."""


def request_of(view: View) -> dict[str, str]:
    """What the other engines are told of a request."""
    request = view.request
    assert request.feature is not None
    assert request.asked is not None
    return {
        "op": request.operation.value,
        "feature": request.feature.value,
        "domain": request.presentity.domain,
        "user": request.presentity.user,
        "user_agent": request.requester.user_agent or "",
        "forward_to": str(request.asked.value(Value.FORWARD_TO) or ""),
    }


def cedar(rules: list[Barred]) -> Refuses:
    """Cedar by cedarpy, its policies parsed before."""
    import cedarpy  # type: ignore[import-not-found,unused-ignore]

    texts = ["permit (principal, action, resource);"]
    texts += [
        f'forbid (principal, action == Action::"{rule.feature}", resource) when {{'
        f' context.domain == "{rule.domain}" && context.{KEYS[rule.fact]} like "{rule.prefix}*" }};'
        for rule in rules
    ]
    policies = cedarpy.PolicySet.from_str("\n".join(texts))
    entities = cedarpy.Entities.from_json_str("[]")

    def refuses(view: View) -> bool:
        context = request_of(view)
        request = {
            "principal": 'User::"u"',
            "action": f'Action::"{context["feature"]}"',
            "resource": 'R::"r"',
            "context": context,
        }
        return not cedarpy.is_authorized(request, policies, entities).allowed

    return refuses


def rego(rules: list[Barred]) -> Refuses:
    """Rego by regopy (regocpp), its modules compiled before."""
    from regopy import Interpreter  # type: ignore[import-not-found,unused-ignore]

    lines = ["package dfks", "import rego.v1"]
    lines += [
        f'deny contains "{rule.reason}" if {{ input.domain == "{rule.domain}";'
        f' input.feature == "{rule.feature}";'
        f' startswith(input.{KEYS[rule.fact]}, "{rule.prefix}") }}'
        for rule in rules
    ]
    interpreter = Interpreter()
    interpreter.add_module("dfks.rego", "\n".join(lines))
    bundle = interpreter.build("data.dfks.deny")

    def refuses(view: View) -> bool:
        interpreter.set_input(request_of(view))
        found: Any = json.loads(str(interpreter.query_bundle(bundle)))
        return bool(found["expressions"][0])

    return refuses


PEERS: dict[str, tuple[str, Callable[[list[Barred]], Refuses]]] = {
    "cedar": ("cedarpy", cedar),
    "rego": ("regopy", rego),
}
"""Name → the module that it needs, and how it is set up."""


def is_there(module: str) -> bool:
    """Whether a package is installed; `pip install 'dfks-rules[bench]'` brings them."""
    return importlib.util.find_spec(module) is not None
