"""Tokens → the routes of a script, and which of them presence_dfks runs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.policy.migrating.preparing import prepare
from dfks_rules.policy.migrating.script import Parser, Statement, Unknown
from dfks_rules.policy.migrating.tokens import Token


class Route(NamedTuple):
    """`route[name] {…}`."""

    name: str
    body: tuple[Statement, ...]
    line: int


class Script(NamedTuple):
    """What a script has for presence_dfks."""

    routes: dict[str, Route]
    """Every named route."""
    get_route: str
    """The one that is run for gets, by `modparam`."""
    set_route: str
    """The one that is run for sets."""
    problems: tuple[Unknown, ...] = ()
    """What may have more that concerns the routes, by line, and why it was not read."""


def read_script(text: str) -> Script:
    """The routes of a script; whatever else it has is passed over."""
    prepared = prepare(text)
    tokens = list(prepared.tokens)
    problems = [Unknown(*one) for one in prepared.problems]
    names = dict(_route_parameters(tokens))
    routes: dict[str, Route] = {}
    position = 0
    around: list[int] = []  # Lines of the `{` that are open, outside of the routes that are read.
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "word" and token.value == "route" and position + 4 < len(tokens):
            name, brace = tokens[position + 2], tokens[position + 4]
            if tokens[position + 1].value in ("[", "(") and brace.value == "{":
                parser = Parser(tokens, position + 4)
                route = Route(name.value, parser.block(0), token.line)
                if routes.setdefault(name.value, route) is not route:
                    problems.append(Unknown(f"`route[{name.value}]` is there twice", token.line))
                if parser.left_open is not None:
                    around.append(parser.left_open)
                position = parser.position
                continue
        if token.kind == "sign" and token.value == "{":
            around.append(token.line)
        elif token.kind == "sign" and token.value == "}" and not around:
            problems.append(
                Unknown("what this `}` closes: nothing, so a route may end too early", token.line)
            )
        elif token.kind == "sign" and token.value == "}":
            around.pop()
        position += 1
    if around:
        what = "where this `{` ends: nothing closes it, so a route may have what is not its own"
        problems.append(Unknown(what, around[-1]))
    get, set_ = names.get("get_route", "dfks_get"), names.get("set_route", "dfks_set")
    return Script(routes, get, set_, tuple(problems))


def _route_parameters(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """`modparam("presence_dfks", "get_route", "…")` → the last two."""
    for position, token in enumerate(tokens[:-7]):
        if token.value == "modparam" and tokens[position + 2].value == "presence_dfks":
            yield tokens[position + 4].value, tokens[position + 6].value
