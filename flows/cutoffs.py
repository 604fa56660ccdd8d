"""`lendloop policy choose-cutoff`: the profit curve of a risk model on rows it has not learned from."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from flows.hints import month_command
from flows.policies import show
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from monitoring.plots import GREY, METADATA, STYLE
from serving.movement import markdown_table
from serving.policy import RiskPolicy
from serving.profit import CUT_OFFS, ProfitCurve, break_even, profit_curve
from training.labels import LABEL
from training.registry import ModelVersion
from training.score import log_odds

if TYPE_CHECKING:
    from training.trained import TrainedModel

Rows = Literal["out-of-fold", "held-out"]


class NoEconomics(ValueError):
    """There is nothing to weigh: margins and losses are not stated, or there is no model to score by."""


def choose_cutoff(portfolio: str, margin: float | None, loss: float | None, rows: Rows) -> None:
    """Print the curve with the recommended cut-off, and leave its picture in the reports."""
    workspace = open_workspace(portfolio)
    risk = workspace.policy.risk
    if risk is None:
        raise NoEconomics(f"{portfolio}: policy.yaml has no risk section; there is no cut-off to choose")
    earned, lost = _economics(risk, margin, loss)
    trained = _trained(workspace, risk)
    unseen = trained.out_of_fold if rows == "out-of-fold" else trained.held_out
    curve = _curve(workspace, risk, unseen, earned, lost)
    picture = workspace.settings.reports / portfolio / f"cut-off-{rows}.png"
    draw(curve, picture, f"{portfolio}: profit over the cut-off, {rows} rows")
    show(_text(curve, risk, earned, lost, f"{unseen.height:,} {rows} rows of {trained.report.as_of}"))
    console.print(f"picture: {picture}", highlight=False, soft_wrap=True)


def _economics(risk: RiskPolicy, margin: float | None, loss: float | None) -> tuple[float, float]:
    stated = risk.economics
    earned = margin if margin is not None else stated.margin_per_good if stated else None
    lost = loss if loss is not None else stated.loss_per_bad if stated else None
    if earned is None or lost is None:
        raise NoEconomics("policy.yaml states no risk.economics; give --margin and --loss, in any one unit of money")
    if not (0 < earned < float("inf") and 0 < lost < float("inf")):
        raise NoEconomics(f"found --margin {earned:g} and --loss {lost:g}; expected both above 0")
    return earned, lost


def _trained(workspace: Workspace, risk: RiskPolicy) -> "TrainedModel":
    champion = workspace.registry.champion(workspace.name)
    if champion is None:
        raise NoEconomics(f"{workspace.name} has no champion yet; {month_command(workspace.name)} makes one")
    run = champion.runs[risk.model]
    return workspace.registry.load_model(ModelVersion(workspace.name, risk.model, 0, run, "", champion.as_of))


def _curve(workspace: Workspace, risk: RiskPolicy, rows: pl.DataFrame, margin: float, loss: float) -> ProfitCurve:
    return profit_curve(
        risk.scale.score(log_odds(rows["probability"].to_numpy())),
        rows[LABEL].cast(pl.Int8).to_numpy(),
        rows[workspace.key].rank("dense").cast(pl.Int64).to_numpy() - 1,
        margin=margin,
        loss=loss,
        current=risk.review_below,
    )


def _text(curve: ProfitCurve, risk: RiskPolicy, margin: float, loss: float, basis: str) -> str:
    pd, score = break_even(margin, loss, risk.scale)
    chosen = sorted({*range(0, 101, 10), curve.best, curve.current})
    table = markdown_table(
        ("cut-off", "PD there", "approved", "bad among them", "profit per 1,000 (95 %)", ""),
        [_line(curve, risk, cut) for cut in chosen],
    )
    recommended = curve.recommended
    why = "" if recommended == curve.best else ": no other is better beyond chance"
    under = (
        f"\n\nUnder 60 the platform asks for a person: move `pd_at_60` to {float(risk.scale.pd_at(recommended)):.4f} "
        "instead, and the scores move with it."
        if recommended < 60
        else ""
    )
    return (
        f"## Cut-off of {basis}\n\nA good customer earns {margin:g}, a bad one costs {loss:g}: with perfect "
        f"probabilities the break-even is PD {pd:.4f}, score {score:.1f}.\n\n{table}\n\n"
        f"Best: {curve.best} (95 %: {curve.best_low} to {curve.best_high}). Over the {curve.current} in use it earns "
        f"{curve.gain:+.2f} per 1,000 applicants ({curve.gain_low:+.2f} to {curve.gain_high:+.2f}); chosen on other "
        f"customers than it is measured on, {curve.unseen:+.2f}.\n\n**Recommended: {recommended}**{why}.{under}\n"
    )


def _line(curve: ProfitCurve, risk: RiskPolicy, cut: int) -> tuple[str, ...]:
    profit = f"{curve.profit[cut]:+,.1f} ({curve.low[cut]:+,.1f} to {curve.high[cut]:+,.1f})"
    bad = "–" if np.isnan(curve.bad_rate[cut]) else f"{curve.bad_rate[cut]:.1%}"
    marks = [*(["best"] if cut == curve.best else []), *(["in use"] if cut == curve.current else [])]
    return str(cut), f"{float(risk.scale.pd_at(cut)):.2%}", f"{curve.approved[cut]:.1%}", bad, profit, ", ".join(marks)


def draw(curve: ProfitCurve, path: Path, title: str) -> None:
    """The curve with its interval, the cut-off in use and the best one, as a PNG."""
    import matplotlib

    matplotlib.use("Agg", force=False)
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
        axes.fill_between(CUT_OFFS, curve.low, curve.high, color="#1f5a8a", alpha=0.18, lw=0, label="95 % interval")
        axes.plot(CUT_OFFS, curve.profit, color="#1f5a8a", label="profit per 1,000 applicants")
        axes.axvspan(curve.best_low, curve.best_high, color="#c8702a", alpha=0.12, lw=0)
        axes.axvline(curve.best, color="#c8702a", label=f"best: {curve.best}")
        axes.axvline(curve.current, color=GREY, ls="--", label=f"in use: {curve.current}")
        axes.set(title=title, xlabel="cut-off: lowest score approved", ylabel="profit per 1,000 applicants")
        axes.legend()
        draft = path.with_name(f".{path.name}")
        figure.savefig(draft, format="png", metadata=METADATA)
        plt.close(figure)
    draft.replace(path)
