"""The policies in force: files in, decisions out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from dfks_rules.errors import DfksError
from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import FEATURES, OFF, POSITION, ROWS, Feature, FeatureState, Snapshot
from dfks_rules.model.gets import Gets
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester, Surroundings
from dfks_rules.policy.deciding.combine import Plan, make_plan
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.deciding.engine import EngineError, self_test
from dfks_rules.policy.deciding.matching import Shard, Shards, Situation, Situations, situations
from dfks_rules.policy.deciding.reference import ReferenceEvaluator
from dfks_rules.policy.deciding.reference_policy_set import decide_by_reference
from dfks_rules.policy.deciding.timing import timing_of
from dfks_rules.policy.facts.fact import FactLookup
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.families import reads_counts
from dfks_rules.policy.facts.view import NOWHERE, FactValue, View
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.language.values import PLACEHOLDER
from dfks_rules.policy.reading.source import Source

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Operation.GET
_SUBSCRIBE: Final = Operation.SUBSCRIBE
_OPERATOR: Final = Origin.OPERATOR

MAX_REMEMBERED = 16_384
"""Most plans, and most decisions, that a policy set remembers."""
MAX_ALSO_REMEMBERED = 64
"""Most sets that follow from one in a plan that is remembered: a server refuses more anyway, unless
its settings say otherwise."""
MAX_ENGINE_FAILURES = 100
"""Each failure leaks one compiled shard; after so many the reference evaluator answers alone."""

_K = TypeVar("_K")
_V = TypeVar("_V")


def _keep(memo: dict[_K, _V], key: _K, value: _V) -> _V:
    """Remember what was worked out; everything else is forgotten when that is too much."""
    if len(memo) >= MAX_REMEMBERED:
        memo.clear()
    memo[key] = value
    return value


class _Told(NamedTuple):
    """What phones may be told when they ask for everything about a presentity."""

    features: tuple[Feature, ...]
    """The features that some of them may be told of."""
    factless: bool
    """Whether these gets are decided without reading a fact."""


def _shows_otherwise(rule: Rule, feature: Feature) -> bool:
    """Whether a get may be told something else because of a rule than it is without any."""
    effects = rule.effects
    if rule.shadow:
        return False
    return (
        effects.status in (0, 1)
        or effects.assigned is (not ROWS[feature].assigned)
        or bool(effects.values)
        or effects.denial is not None
    )


def _reads_counts(reads: Iterable[str], rules: Iterable[Rule]) -> bool:
    texts = [text for rule in rules for text in (rule.effects.log,) if text is not None]
    texts += [one.text for rule in rules if (one := rule.effects.denial) and one.text]
    return reads_counts(reads) or any(reads_counts(PLACEHOLDER.findall(text)) for text in texts)


def _read_on_get(everything: Situations, rules: Sequence[Rule]) -> frozenset[str] | None:
    """See `PolicySet.reads_on_get`."""
    gets = [(key[1], one) for key, one in everything.items() if key[0] is Operation.GET]
    if not any(
        feature is not None and _shows_otherwise(rules[position], feature)
        for feature, one in gets
        for positions in one.rules
        for position in positions
    ):
        return None
    return frozenset(name for _, one in gets for name in one.facts)


def _told(everything: Situations, rules: Sequence[Rule]) -> dict[FactValue, _Told]:
    """Domain (None: any other) → what phones may be told of its presentities."""
    found = {}
    for domain in {domain for _, _, domain in everything}:
        gets = {
            feature: everything.get(
                (Operation.GET, feature, domain), everything[Operation.GET, feature, None]
            )
            for feature in FEATURES
        }
        features = tuple(one for one in FEATURES if _is_told(one, gets[one], rules))
        found[domain] = _Told(features, not any(gets[one].readers for one in features))
    return found


def _is_told(feature: Feature, get: Situation, rules: Sequence[Rule]) -> bool:
    """Whether some phone may be told of a feature."""
    by_rule = (rules[position] for positions in get.rules for position in positions)
    return ROWS[feature].assigned or any(
        rule.effects.assigned and not rule.shadow for rule in by_rule
    )


class PolicySet:
    """Decides, by one set of policy files. One thread only; a decision runs as a whole.

    INVARIANT: a decision is a function of the facts that rules of its situation read, of what is
    asked and what is stored. So both the plan and the decision can be remembered.
    """

    def __init__(self, compiled: CompiledPolicies, shards: Shards, taken: Sequence[Shard]) -> None:
        """See `load`.

        Args:
            compiled: what the files say.
            shards: where `close` gives shards back.
            taken: those of `compiled.sharding.shards`, which are in the engine.
        """
        self.policies = compiled.policies
        """The files that were read, in the given order."""
        self.site = compiled.site
        """What it knows of users and numbers."""
        self.revision = compiled.revision
        """First 12 hexadecimal digits of the hash of all files."""
        self.engine_failures = 0
        """How often the engine failed and the reference evaluator answered in its place."""
        self.rules = compiled.rules
        """Every rule in force, in order of precedence."""
        self._reference = ReferenceEvaluator(self.rules)
        self._source = shards
        self.shards = list(taken)
        """What it has in the engine."""
        self._situations = situations(compiled.sharding, self.shards)
        self.reads = frozenset(name for one in self._situations.values() for name in one.facts)
        """Names of all facts that some rule reads."""
        self.reads_counts = _reads_counts(self.reads, self.rules)
        """Whether a rule reads how many members of a group have a feature off or on."""
        self.reads_on_get = _read_on_get(self._situations, self.rules)
        """Names of the facts that rules read to decide what a get shows; None where all of them
        show what is stored."""
        self.timing = timing_of(self._situations, self.reads_on_get)
        """What gets show otherwise as time passes."""
        self._plans: dict[tuple[Situation, tuple[FactValue, ...]], Plan] = {}
        self._decisions: dict[tuple[Plan, FeatureState, bool], Decision] = {}
        self._admissions: dict[tuple[str, bool], Decision] = {}
        """Domain of a presentity, and whether its own phone subscribes → the decision on that,
        where no rule reads a fact or logs a line."""
        self._gets: dict[tuple[str | None, tuple[FeatureState, ...]], Gets] = {}
        self._told = _told(self._situations, self.rules)

    @property
    def pinned(self) -> "PolicySet":
        """Itself: it never changes."""
        return self

    def decide(
        self,
        request: FeatureRequest,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings = NOWHERE,
    ) -> Decision:
        """What the policies say to one request.

        Args:
            request: a get, a set, or permission to subscribe.
            snapshot: what is stored for the presentity.
            at: now, in the zone whose local time policies mean.
            around: what else there is.
        """
        if request.operation is _SUBSCRIBE:
            # 0.4 µs less than the long way, for each SUBSCRIBE.
            presentity = request.presentity
            own = request.requester.watcher == presentity
            known = self._admissions.get((presentity.domain, own))
            if known is not None:
                return known
        return self.decide_view(View(request, snapshot, at, around, self.site))

    def target_of(self, presentity: Aor, text: str) -> str:
        """One name for a forward target, however a phone in the presentity's domain writes it."""
        return self.site.targets.name_of(text, presentity)

    def members_of(self, domain: str, group: str) -> tuple[str, ...]:
        """The users of a domain who are in a group; the same tuple each time."""
        return self.site.directory.members_of(domain, group)

    def sees(self, view: View) -> View:
        """A request as these policies see it: with what their files say of users and numbers."""
        return view if view.site is self.site else view._replace(site=self.site)

    def decide_view(self, view: View) -> Decision:
        """What the policies say to one request; see `decide`."""
        if view.site is not self.site:
            view = self.sees(view)
        request, snapshot = view.request, view.snapshot
        operation, feature, asked = request.operation, request.feature, request.asked
        situation = self._situations.get((operation, feature, request.presentity.domain))
        if situation is None:
            situation = self._of_any_domain(request)
        readers = situation.readers
        values = tuple([read(view) for read in readers]) if readers else ()
        plan = self._plans.get((situation, values))
        if plan is None:
            rules = self._matching(situation, values, facts_of(view))
            made = make_plan(
                rules, operation, feature, self.revision, facts_of(view), self.members_of
            )
            is_short = len(made.also) <= MAX_ALSO_REMEMBERED
            plan = _keep(self._plans, (situation, values), made) if is_short else made
        stored = OFF if feature is None else snapshot.states[POSITION[feature]]
        own = operation is not _SUBSCRIBE
        own = own or request.requester.watcher == request.presentity
        if asked is not None:
            # What is asked for is rarely asked for twice: remembering it would cost more.
            decision = plan.decide(asked, stored, own=own)
        else:
            key = (plan, stored, own)
            known = self._decisions.get(key)
            decision = known or _keep(self._decisions, key, plan.decide(None, stored, own=own))
        if plan.expire is not None:
            decision = plan.timed(decision, view.at)
        if plan.logs:
            return decision._replace(logs=plan.lines(facts_of(view)))
        if operation is _SUBSCRIBE and not readers:
            _keep(self._admissions, (request.presentity.domain, own), decision)
        return decision

    def decide_by_reference(self, view: View) -> Decision:
        """What `decide_view` must say, worked out without the engine and without memory."""
        return decide_by_reference(self.sees(view), self.rules, self._reference, self.revision)

    def decide_gets(
        self,
        presentity: Aor,
        requester: Requester,
        snapshot: Snapshot,
        at: datetime,
        around: Surroundings = NOWHERE,
    ) -> Gets:
        """What `decide` says to a get of each feature.

        An operator is told of all of them. For a phone those are left out that no rule assigns to
        any phone, and that are not assigned without one.
        """
        domain = presentity.domain if presentity.domain in self._told else None
        features, factless = self._told[domain]
        if requester.origin is _OPERATOR:
            features, factless = FEATURES, False
        key = (domain, snapshot.states)
        gets = self._gets.get(key) if factless else None
        if gets is None:
            requests = [
                FeatureRequest(_GET, presentity, requester, feature) for feature in features
            ]
            decisions = [self.decide(one, snapshot, at, around) for one in requests]
            gets = Gets(tuple(zip(features, decisions, strict=True)))
            if factless and not any(decision.logs for decision in decisions):
                _keep(self._gets, key, gets)
        return gets

    def told_at(self, domain: str) -> tuple[Feature, ...]:
        """The features that some phone of a domain may be told of."""
        return self._told.get(domain, self._told[None]).features

    def forget(self) -> None:
        """Forgets what was remembered; decisions stay the same. For who measures."""
        self._plans.clear()
        self._decisions.clear()
        self._admissions.clear()
        self._gets.clear()

    def close(self) -> None:
        """Frees the engine's memory. To decide afterwards is an error, except by reference."""
        while self.shards:
            self._source.release(self.shards.pop())
        self._situations = {}
        self.forget()

    def _of_any_domain(self, request: FeatureRequest) -> Situation:
        if not self._situations:
            raise DfksError("policy_closed", "the policy set is closed")
        return self._situations[request.operation, request.feature, None]

    def _matching(
        self, situation: Situation, values: tuple[FactValue, ...], every: FactLookup
    ) -> list[Rule]:
        """The rules that match, in order of precedence.

        Args:
            situation: what is asked, and for which domain.
            values: the facts that it reads.
            every: any fact, for the reference evaluator.
        """
        if self.engine_failures < MAX_ENGINE_FAILURES:
            known = dict(zip(situation.facts, values, strict=True)).__getitem__
            try:
                return [self.rules[position] for position in sorted(situation.matching(known))]
            except EngineError:
                self._recover(situation)
        return [self.rules[position] for position in self._reference.matching(every)]

    def _recover(self, situation: Situation) -> None:
        self.engine_failures += 1
        try:
            situation.recover()
        except EngineError:
            # An engine that cannot even compile what it compiled before is not asked again.
            self.engine_failures = MAX_ENGINE_FAILURES


def load(sources: Sequence[Source]) -> PolicySet:
    """The policies in these files; see `compile_policies`.

    Raises:
        PolicyError: with every finding in every file.
        EngineError: the engine is not fit for use (`policy_engine`).
    """
    compiled = compile_policies(sources)
    self_test()
    shards = Shards()
    return PolicySet(compiled, shards, [shards.take(plan) for plan in compiled.sharding.shards])
