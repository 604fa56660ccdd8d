"""`lendloop model scorecard`: the benchmark scorecard of the champion's training as a CSV of points."""

from pathlib import Path

from flows.hints import month_command
from flows.terminal import console
from flows.workspace import open_workspace
from infra.files import write_whole
from serving.policy import RiskPolicy
from training.brought.exported import points_csv
from training.brought.model import BroughtError
from training.registry import ModelVersion
from training.score import ScoreScale
from training.scorecard import load_scorecard

PLAIN = ScoreScale(pd_at_60=0.5, points_to_double_odds=10)
"""The points of a propensity, whose policy has no scale: 60 at even odds."""


def write_card(portfolio: str, name: str, out: Path, decimals: int) -> None:
    """Write the scorecard that the champion's model `name` was compared with, on the scale of the policy."""
    if out.suffix != ".csv" or not out.parent.is_dir():
        raise BroughtError(f"{out}: expected a .csv in a folder that exists")
    workspace = open_workspace(portfolio)
    champion = workspace.registry.champion(portfolio)
    if champion is None or name not in champion.runs:
        found = f"its models are {sorted(champion.runs)}" if champion else f"{month_command(portfolio)} makes one"
        raise BroughtError(f"{portfolio}: no champion with a model {name!r}; {found}")
    trained = workspace.registry.load_model(ModelVersion(portfolio, name, 0, champion.runs[name], "", champion.as_of))
    section = workspace.policy.section(name) if name in workspace.policy.models else None
    scale = section.scale if isinstance(section, RiskPolicy) else PLAIN
    card = load_scorecard(trained.scorecard, trained.columns)
    write_whole(out, points_csv(card, scale, trained.report.kind, decimals).encode())
    area = trained.report.scorecard.auc
    console.print(
        f"{out}: {len(card.document.features)} features; AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}) "
        f"on the {trained.report.scorecard.rows:,} held-out rows, before its points were rounded",
        highlight=False,
        soft_wrap=True,
    )
