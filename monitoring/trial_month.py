"""A month's word on a trial: the facts of its report, and the challenger's own rows beside the champion's."""

from dataclasses import dataclass, replace

import polars as pl

from features.profiles import Profile
from monitoring.measure import Subject
from monitoring.metric import Metric
from monitoring.month import MonthInputs, monthly
from monitoring.outcomes import decided_in_month, matured_in_month, outcomes
from monitoring.pairs import Pairs, Releases, pair
from monitoring.trial import People, TrialFacts, trial_facts
from training.labels import LABEL


@dataclass(frozen=True)
class TriedMonth:
    """What both releases decided, or would have decided, in the month, and about decisions that matured in it."""

    every: Pairs
    decided: Pairs
    matured: Pairs

    @property
    def releases(self) -> Releases:
        """Champion and challenger."""
        return self.every.releases

    def facts(self, month: MonthInputs, stops: tuple[str, ...] = ()) -> TrialFacts:
        """The facts of the month's report."""
        people = People(month.groups, month.key, month.kind, month.fairness)
        return trial_facts(self.decided, self.matured, people, stops)

    def rows(self, month: MonthInputs, facts: TrialFacts, run: str, score_profile: Profile) -> list[Metric]:
        """The rows of the metrics table under the role of the challenger: as the champion's, and the comparison."""
        _, challenger = self.releases
        beside = replace(
            month,
            role="challenger",
            release=challenger,
            run=run,
            score_profile=score_profile,
            decisions=self.every.challenger,
            population=month.population.clear(),  # whose features are the champion's too
        )
        subject = Subject(month.portfolio, month.model, month.as_of, "month", "challenger", challenger)
        compared = [subject.metric(found) for found in facts.measures() if found.finite]
        return [*monthly(beside).rows, *compared]


def tried_month(month: MonthInputs, shadow: pl.DataFrame) -> TriedMonth | None:
    """The month's pairs; None: no challenger was tried, now or when what matured now was decided."""
    made = decided_in_month(month.decisions, month.as_of)
    known = outcomes(month.decisions, month.observations, month.labels, key=month.key, as_of=month.as_of)
    matured = matured_in_month(known, month.as_of)
    found = pair(made, shadow) or pair(matured, shadow)
    every = pair(month.decisions, shadow, found.releases) if found else None
    if every is None:
        return None
    labelled = every.labelled(matured.select("decision_id", LABEL))
    return TriedMonth(every, every.only(made["decision_id"]), labelled)
