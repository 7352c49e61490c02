"""Compiled policies that decide by the reference evaluator alone: no engine, no memory."""

from collections.abc import Sequence

from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import OFF
from dfks_rules.policy.deciding.combine import make_plan
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.deciding.reference import ReferenceEvaluator
from dfks_rules.policy.facts.facts import facts_of
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.language.alternatives import QUESTIONS, Question
from dfks_rules.policy.language.document import Rule

_PLACES = {question: place for place, question in enumerate(QUESTIONS)}


class ReferencePolicySet:
    """Decides single requests, for whoever studies policies: the oracle for `PolicySet`."""

    def __init__(self, compiled: CompiledPolicies) -> None:
        self.compiled = compiled
        self.rules = compiled.rules
        """All rules, in order of precedence."""
        self._all = (compiled.rules, ReferenceEvaluator(compiled.rules))
        self._asked: dict[tuple[int, FactValue], tuple[Sequence[Rule], ReferenceEvaluator]] = {}

    def rules_for(self, question: Question, domain: FactValue) -> list[Rule]:
        """The rules that can match a question about a domain, in order of precedence.

        Args:
            question: the operation and the feature.
            domain: of the presentity; None: one that no rule names.
        """
        shares = self.compiled.sharding.shares
        keys = dict.fromkeys([(_PLACES[question], domain), (_PLACES[question], None)])
        places = {place for key in keys for share in shares.get(key, ()) for place in share.rules}
        return [self.compiled.rules[place] for place in sorted(places)]

    def domains(self, question: int) -> frozenset[str]:
        """Domains that rules name which can match a question, given by its place in `QUESTIONS`."""
        named = (domain for place, domain in self.compiled.sharding.shares if place == question)
        return frozenset(str(domain) for domain in named if domain is not None)

    def decide_view(self, view: View) -> Decision:
        """What the policies say to one request, of the rules that can match."""
        request = view.request
        question = (request.operation, request.feature)
        domain = request.presentity.domain
        key = (_PLACES[question], domain)
        if key not in self._asked:
            rules = self.rules_for(question, domain)
            self._asked[key] = (rules, ReferenceEvaluator(rules))
        return self._by(view, *self._asked[key])

    def decide_by_all(self, view: View) -> Decision:
        """The same, of all rules, whichever can match."""
        return self._by(view, *self._all)

    def decide_by(self, rules: Sequence[Rule], view: View) -> Decision:
        """What some rules say to one request, in order of precedence."""
        return self._by(view, rules, ReferenceEvaluator(rules))

    def _by(self, view: View, rules: Sequence[Rule], evaluator: ReferenceEvaluator) -> Decision:
        if view.site is not self.compiled.site:
            view = view._replace(site=self.compiled.site)
        return decide_by_reference(view, rules, evaluator, self.compiled.revision)


def decide_by_reference(
    view: View, rules: Sequence[Rule], evaluator: ReferenceEvaluator, revision: str
) -> Decision:
    """What rules say to one request, worked out without the engine and without memory.

    Args:
        view: the request, with the site of the policies.
        rules: in order of precedence.
        evaluator: of these rules.
        revision: of the policies.
    """
    request, lookup = view.request, facts_of(view)
    matching = [rules[place] for place in evaluator.matching(lookup)]
    members_of = view.site.directory.members_of
    plan = make_plan(matching, request.operation, request.feature, revision, lookup, members_of)
    stored = OFF if request.feature is None else view.snapshot.state(request.feature)
    own = request.requester.watcher == request.presentity
    decision = plan.timed(plan.decide(request.asked, stored, own=own), view.at)
    return decision._replace(logs=plan.lines(lookup))
