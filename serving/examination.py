"""The examination of a candidate release: its trained models, the champion and the gates brought together."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.contest import Champion, contest_of, rival_of, score
from serving.gates import (
    GateName,
    GateResult,
    Promotion,
    approval_gap,
    beats_scorecard,
    calibrated,
    decide_promotion,
    gates_for,
    not_worse,
    permitted,
    reproducible,
)
from serving.policy import PropensityPolicy, RiskPolicy, Section
from serving.release import LoadedRelease, changed_components
from training.boosted import load_boosted
from training.fairness import Gap
from training.fairness import approval_gap as gap_between
from training.groups import group_values
from training.labels import LABEL
from training.score import Floats, log_odds
from training.spec import ModelSpec
from training.trained import TrainedModel

SAMPLE = 2_000
"""Rows on which a release must reproduce training's log-odds."""


@dataclass(frozen=True)
class Examined:
    """A model of the candidate: how it was specified and trained, its inputs' permission, and its protected groups."""

    spec: ModelSpec
    trained: TrainedModel
    permitted: Collection[str]
    groups: Collection[str]


def examine(candidate: LoadedRelease, champion: Champion | None, models: Mapping[str, Examined]) -> Promotion:
    """Run the gates of the components that changed since the champion; all of them when there is none."""
    changed = changed_components(champion.release.manifest if champion else None, candidate.manifest)
    due = gates_for(changed, list(models))
    return decide_promotion(
        result for name, model in models.items() for result in _examine(name, model, candidate, champion, due[name])
    )


def favourable(section: Section, probability: Floats) -> NDArray[np.bool_]:
    """Whom the policy's cut-off alone approves, contacts or leaves alone."""
    if isinstance(section, PropensityPolicy):
        return probability >= section.contact_from
    cut = section.review_below if isinstance(section, RiskPolicy) else section.watch_below
    return np.asarray(section.scale.unclipped(log_odds(probability)) >= cut)


def _examine(
    name: str,
    model: Examined,
    candidate: LoadedRelease,
    champion: Champion | None,
    due: Collection[GateName],
) -> Iterator[GateResult]:
    limits = candidate.policy.section(name).gates
    held_out = model.trained.held_out
    labels, predicted, card = (held_out[c].to_numpy() for c in (LABEL, "probability", "scorecard_probability"))
    if "reproducible" in due:
        yield from _reproduced(name, model.trained, candidate)
    if "permitted" in due:
        inputs = [column.name for column in candidate.models[name].columns]
        yield permitted(name, inputs, model.permitted)
    if "not_worse" in due:
        contest = contest_of(name, held_out, champion)
        yield not_worse(name, limits, rival_of(name, held_out, champion, contest))
        yield beats_scorecard(name, limits, labels, predicted, card)
        yield calibrated(name, limits, labels, predicted, contest)
    if "approval_gap" in due:
        yield from approval_gap(name, limits, _gaps(candidate.policy.section(name), model))


def _reproduced(name: str, trained: TrainedModel, candidate: LoadedRelease) -> Iterator[GateResult]:
    """The released model as the service loads it, and the validated one, whose figures are those of the other gates."""
    limits = candidate.policy.section(name).gates
    sample = trained.reference.head(SAMPLE)
    expected = trained.calibration.log_odds(load_boosted(trained.cbm, trained.columns).log_odds(sample))
    found = score(candidate.models[name], sample).log_odds
    why = "what the service loads is what training fitted: on all months, so not the very model that was validated"
    if trained.report.origin is not None:
        why = "what the service loads is the model that was brought, tested and calibrated here"
    yield reproducible(name, limits, expected, found, trained.report.learned, why)
    if trained.validated is not None:
        again = load_boosted(trained.validated, trained.columns).log_odds(trained.held_out)
        why = "the out-of-time figures can be measured again: of this model, which saw earlier months only"
        subject = f"{name}: as validated"
        if trained.report.origin is not None:
            why = "the out-of-time figures can be measured again: of the model that was brought"
        learned = trained.report.validated_learned
        yield reproducible(subject, limits, trained.held_out["log_odds"].to_numpy(), again, learned, why)


def _gaps(section: Section, model: Examined) -> dict[str, Gap]:
    rows, fairness = model.trained.out_of_fold, model.spec.fairness
    probability = rows["probability"].to_numpy()
    approved = favourable(section, probability)
    return {
        group: gap_between(approved, groups=group_values(rows[group], fairness), smallest=fairness.smallest_group)
        for group in model.groups
    }
