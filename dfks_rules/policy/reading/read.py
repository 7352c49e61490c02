"""A tree that conforms to the schema → the syntax tree, and findings the schema cannot express."""

from collections.abc import Hashable, Iterator, Mapping
from itertools import islice
from typing import Any

from dfks_rules.errors import Finding
from dfks_rules.model.decisions import Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import Feature
from dfks_rules.model.values import VALUES, Integer, Value
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.facts.facts import FACTS, fact_named
from dfks_rules.policy.language.document import (
    AllOf,
    Also,
    AnyOf,
    Band,
    Computed,
    Condition,
    Effects,
    Mode,
    Not,
    Policy,
    Rule,
    Written,
)
from dfks_rules.policy.language.every_number import of_every_number
from dfks_rules.policy.language.expiry import Expire, parse_expire
from dfks_rules.policy.language.lists import NamedList
from dfks_rules.policy.language.matchers import MATCHERS, Atom, Operand
from dfks_rules.policy.language.values import (
    PLACEHOLDER,
    WITH_NUMBER,
    Clamped,
    Rewritten,
    Template,
)
from dfks_rules.policy.reading.constants import refuse_constants, wrong_entries
from dfks_rules.policy.reading.read_hours import Hours
from dfks_rules.policy.reading.read_list import MAX_FINDINGS, places_of
from dfks_rules.policy.reading.shared import NOTHING_SHARED, Shared
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.site import NO_SITE
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.yaml.tree import Path, Tree

_DEFAULT_PRIORITY = 500
_NOTIFY: dict[bool | str | None, NotifyScope | None] = {
    None: None,
    True: NotifyScope.ALL,
    False: NotifyScope.NONE,
    "requester": NotifyScope.REQUESTER,
    "others": NotifyScope.OTHERS,
}


class Reader:
    """Reads one tree, and collects `findings`."""

    def __init__(
        self,
        tree: Tree,
        shared: Shared = NOTHING_SHARED,
        directory: Directory = NO_SITE.directory,
    ) -> None:
        """Nothing but the schedules is read yet.

        Args:
            tree: the file, which conforms to the schema.
            shared: what it may refer to besides what it defines itself.
            directory: has the zones of users.
        """
        self._tree = tree
        self._shared = shared
        self.findings: list[Finding] = []
        self._hours = Hours(tree, shared.calendars, directory, self.findings)

    def header(self) -> Policy:
        """The policy without its rules."""
        value = self._tree.value
        return Policy(
            value["metadata"]["name"],
            Mode(value.get("mode", Mode.ENFORCE.value)),
            Band[value.get("band", "normal").upper()],
            value.get("priority", _DEFAULT_PRIORITY),
            (),
        )

    def scope(self, tenant: str | None = None) -> Condition:
        """The condition that all rules share; always true when the file has no scope.

        Args:
            tenant: the only domain the file can affect; None: every domain.
        """
        scope = self._condition(self._tree.value.get("scope", {}), ("scope",))
        return scope if tenant is None else AllOf((Atom("domain", "eq", tenant), scope))

    def condition(
        self, keys: Mapping[str, Any], path: Path, *, is_denied: bool = False
    ) -> Condition:
        """The condition that stands at a path of the tree.

        Args:
            keys: as written.
            path: where it stands.
            is_denied: whether it will be negated.
        """
        return self._condition(keys, path, is_denied=is_denied)

    def rule(self, policy: Policy, scope: Condition, position: int) -> Rule:
        """The rule at a 0-based position in the file."""
        path: Path = ("rules", position)
        rule = self._tree.value["rules"][position]
        parts = [scope, self._condition(rule.get("when", {}), (*path, "when"))]
        if "unless" in rule:
            parts.append(Not(self._condition(rule["unless"], (*path, "unless"), is_denied=True)))
        effects = self._effects(rule["then"], (*path, "then"))
        modes = (policy.mode, Mode(rule.get("mode", Mode.ENFORCE.value)))
        shadow = Mode.SHADOW in modes
        condition: Condition = AllOf(tuple(parts))
        if effects.denial is not None:
            condition = of_every_number(condition)
        return Rule(f"{policy.name}/{rule['id']}", condition, effects, shadow)

    def exception(self, tenant: str | None = None) -> Policy:
        """The policy that an Exception comes to: one rule, which lifts denials.

        Args:
            tenant: the only domain the file can affect; None: every domain.
        """
        value = self._tree.value
        parts = [self._condition(value.get("when", {}), ("when",))]
        if tenant is not None:
            parts.insert(0, Atom("domain", "eq", tenant))
        if "unless" in value:
            parts.append(Not(self._condition(value["unless"], ("unless",), is_denied=True)))
        if "until" in value:
            parts.append(self._atom("date", "le", value["until"], ("until",)))
        policy = self.header()
        effects = Effects(lifts=tuple(value["for"]))
        return policy._replace(
            rules=(Rule(f"{policy.name}/exception", AllOf(tuple(parts)), effects),)
        )

    def is_off(self, position: int) -> bool:
        """Whether a rule is only checked."""
        return bool(self._tree.value["rules"][position].get("mode") == Mode.OFF.value)

    def _condition(
        self, keys: Mapping[str, Any], path: Path, *, is_denied: bool = False
    ) -> Condition:
        parts: list[Condition] = []
        for key, value in keys.items():
            here = (*path, key)
            match key:
                case "all" | "any":
                    several = tuple(
                        self._condition(one, (*here, n), is_denied=is_denied)
                        for n, one in enumerate(value)
                    )
                    parts.append(AllOf(several) if key == "all" else AnyOf(several))
                case "not":
                    parts.append(Not(self._condition(value, here, is_denied=not is_denied)))
                case _:
                    parts.extend(self._atoms(key, value, here, is_denied=is_denied))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _atoms(self, fact: str, value: Any, path: Path, *, is_denied: bool) -> Iterator[Condition]:
        if isinstance(value, dict):
            for matcher, operand in value.items():
                here = (*path, matcher)
                if matcher == "during":
                    yield self._hours.during(fact, operand, here, is_denied=is_denied)
                elif matcher == "outside":
                    yield Not(self._hours.during(fact, operand, here, is_denied=not is_denied))
                else:
                    yield self._atom(fact, matcher, operand, here)
        else:
            yield self._atom(fact, "in" if isinstance(value, list) else "eq", value, path)

    def _atom(self, fact: str, name: str, operand: Any, path: Path) -> Condition:
        matcher = MATCHERS[name]
        try:
            if isinstance(operand, dict):
                operand = self._list(operand["list"], path)
                self._check_entries(fact, name, operand, path)
            else:
                refuse_constants(fact, name, operand)
            if matcher.operand is Operand.FACT and operand == fact:
                raise ValueError(phrase("`{fact}` is always the same as itself", fact=fact))
            prepared: Hashable = matcher.prepare(operand)
        except ValueError as error:
            self.findings.append(self._tree.finding(path, "policy_value", str(error)))
            prepared = None
        if matcher.operand is Operand.FLAG:
            exists = Atom(fact, name, None)
            return exists if operand else Not(exists)
        atom = Atom(fact, matcher.negates or name, prepared)
        return Not(atom) if matcher.negates else atom

    def _list(self, name: str, path: Path) -> NamedList:
        lists = self._shared.lists
        if name not in lists:
            message = phrase(
                "unknown list `{name}`{hint}", name=name, hint=did_you_mean(name, lists)
            )
            self.findings.append(self._tree.finding(path, "policy_unknown_list", message))
        return lists.get(name) or NamedList(name, frozenset())

    def _check_entries(self, fact: str, name: str, listed: NamedList, path: Path) -> None:
        """Findings where the entries stand that the fact can never have: they are what is wrong."""
        wrong = wrong_entries(fact, name, listed)
        if not wrong:
            return
        source, user = self._shared.list_files[listed.name], self._tree.places[path]
        test = phrase(
            "{file}:{line} tests `{fact}` with this list",
            file=self._tree.file,
            line=user.line,
            fact=fact,
        )
        for entry, place in islice(places_of(source, wrong).items(), MAX_FINDINGS):
            message = phrase("{wrong}; {test}", wrong=wrong[entry], test=test)
            self.findings.append(Finding(source.file, *place, "policy_value", message))

    def _effects(self, then: Mapping[str, Any], path: Path) -> Effects:
        self._check_placeholders(then.get("log", ""), (*path, "log"))
        if isinstance(then.get("deny"), dict):
            self._check_placeholders(then["deny"].get("text", ""), (*path, "deny", "text"))
        return Effects(
            status=then.get("status"),
            assigned=then.get("assigned"),
            notify=_NOTIFY[then.get("notify")],
            values=self._values(then.get("values", {}), (*path, "values")),
            denial=_denial(then["deny"]) if "deny" in then else None,
            exceptions=_takes_exceptions(then.get("deny")),
            allow=then.get("allow"),
            log=then.get("log"),
            also=tuple(
                self._also(one, (*path, "also", n)) for n, one in enumerate(then.get("also", []))
            ),
            expire=self._expire(then["expire"], (*path, "expire")) if "expire" in then else None,
            final=then.get("final", False),
        )

    def _expire(self, written: str | Mapping[str, Any], path: Path) -> Expire | None:
        if isinstance(written, dict) and "during" in written:
            return self._hours.lasting(written["during"], (*path, "during"))
        try:
            return parse_expire(written)
        except ValueError as error:
            self.findings.append(self._tree.finding(path, "policy_effect", str(error)))
            return None

    def _values(self, values: Mapping[str, Any], path: Path) -> Written:
        return tuple(
            (one, self._value(one, values[one.value], (*path, one.value)))
            for one in VALUES
            if one.value in values
        )

    def _value(self, value: Value, written: Any, path: Path) -> str | int | Computed:
        if not isinstance(written, dict):
            plain: str | int = written
            return plain
        if isinstance(value.kind, Integer):
            return self._clamped(value.kind, written, path)
        if written.keys() & {"as", "strip", "prefix"}:
            return self._rewritten(written, path)
        return self._template(written, path)

    def _rewritten(self, written: Mapping[str, str], path: Path) -> Rewritten:
        if "from" not in written or "template" in written:
            message = phrase(
                "`as`, `strip` and `prefix` rewrite a fact: `{path}` needs `from` alone",
                path=path[-1],
            )
            self.findings.append(self._tree.finding(path, "policy_effect", message))
        fact = written.get("from", "request.forwardTo")
        is_number = "as" in written
        if is_number and fact not in WITH_NUMBER:
            known = joined(phrase(" and "), (f"`{name}`" for name in WITH_NUMBER))
            message = phrase(
                "`{fact}` is no forward target: only {known} can be numbers", fact=fact, known=known
            )
            self.findings.append(self._tree.finding((*path, "from"), "policy_effect", message))
        return Rewritten(
            fact,
            written.get("strip", ""),
            written.get("prefix", ""),
            written.get("default"),
            is_number=is_number,
        )

    def _template(self, written: Mapping[str, str], path: Path) -> Template:
        if ("from" in written) == ("template" in written):
            message = phrase("`{path}` takes either `from` or `template`", path=path[-1])
            self.findings.append(self._tree.finding(path, "policy_effect", message))
        text = written.get("template", f"${{{written.get('from', 'user')}}}")
        self._check_placeholders(text, (*path, "template"))
        return Template(text, written.get("default"))

    def _clamped(self, kind: Integer, written: Mapping[str, Any], path: Path) -> Clamped:
        least = written.get("min", kind.least)
        most = written.get("max", kind.most)
        if least > most:
            message = phrase("`min` ({least}) is more than `max` ({most})", least=least, most=most)
            self.findings.append(self._tree.finding(path, "policy_value", message))
        return Clamped(written["from"], least, most, written.get("default"))

    def _also(self, written: Mapping[str, Any], path: Path) -> Also:
        for name in ("user", "domain"):
            self._check_placeholders(written.get(name, ""), (*path, name))
            if name in written and "group" in written:
                message = phrase("`group` says whose feature it is; remove `{name}`", name=name)
                place = (*path, name)
                finding = self._tree.finding(place, "policy_effect", message, at_key=True)
                self.findings.append(finding)
        return Also(
            Feature(written["feature"]),
            written["status"],
            Template(written["user"]) if "user" in written else None,
            Template(written["domain"]) if "domain" in written else None,
            self._values(written.get("values", {}), (*path, "values")),
            written.get("group"),
        )

    def _check_placeholders(self, text: str, path: Path) -> None:
        for name in PLACEHOLDER.findall(text):
            if fact_named(name) is None:
                message = phrase(
                    "unknown fact `{name}`{hint}", name=name, hint=did_you_mean(name, FACTS)
                )
                self.findings.append(self._tree.finding(path, "policy_unknown_fact", message))


def _takes_exceptions(written: str | Mapping[str, Any] | None) -> bool:
    return isinstance(written, Mapping) and written.get("exceptions") is True


def _denial(written: str | Mapping[str, str]) -> Denial:
    if isinstance(written, str):
        return Denial(written)
    answer = DenialAnswer(written.get("answer", DenialAnswer.STORED.value))
    return Denial(written["reason"], written.get("text"), answer)
