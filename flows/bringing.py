"""Models that a lender brings: checked against the portfolio, put into its folder, and named in its models.yaml."""

import csv
import hashlib
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import yaml

from flows.terminal import console, errors
from flows.workspace import Workspace, open_workspace
from infra.files import write_whole
from training.spec import Brought, ModelSpec

if TYPE_CHECKING:
    from training.brought.model import BroughtModel

FOLDER = "brought"


def brought_model(workspace: Workspace, name: str, spec: ModelSpec) -> "BroughtModel | None":
    """The model that models.yaml brings in place of an estimator, its reasons proved exact; None: it brings none."""
    if spec.brought is None:
        return None
    from training.brought.reading import read_brought

    also = ruled(workspace, name)
    return proved(name, read_brought(workspace.portfolio.folder, spec, workspace.portfolio.features, also))


def ruled(workspace: Workspace, name: str) -> list[str]:
    """The features that the policy's rules and capacity look at, where it decides by the model."""
    risk = workspace.policy.risk
    if risk is None or risk.model != name:
        return []
    return [one.removeprefix("feature.") for one in risk.names if one.startswith("feature.")]


def proved(name: str, model: "BroughtModel") -> "BroughtModel":
    """The model, or `BroughtError` when its reasons would not be exact."""
    from serving.contributions import UnsupportedModel
    from serving.scoring import UnfaithfulModel, explained
    from training.brought.model import BroughtError

    types = {column.name: pl.Float64 if column.dtype == "float" else pl.String for column in model.columns}
    try:
        explained(name, model.weigh(pl.DataFrame(schema=types)), model.columns)
    except (UnsupportedModel, UnfaithfulModel) as error:
        raise BroughtError(f"{model.origin.file}: {error}; without exact reasons it may not decide") from error
    return model


def import_model(portfolio: str, name: str, file: Path, by: str, names: Path | None, until: date | None) -> None:
    """Check the model in `file`, put it into the portfolio's folder and name it in models.yaml."""
    from flows.models_file import bring
    from training.brought.model import BroughtError
    from training.brought.reading import read_file, take

    workspace = open_workspace(portfolio)
    spec = workspace.models.models.get(name)
    if spec is None:
        raise BroughtError(
            f"{portfolio}: models.yaml has no model {name!r}; expected one of {sorted(workspace.models.models)}"
        )
    if file.suffix not in (".cbm", ".csv"):
        raise BroughtError(
            f"{file}: found the ending {file.suffix!r}; expected a .cbm of CatBoost, or a scorecard as .csv"
        )
    if not by.strip():
        raise BroughtError("--by: is empty; expected who brings the model")
    content = read_file(file)
    brought = Brought(
        file=f"{FOLDER}/{name}{file.suffix}",
        sha256=hashlib.sha256(content).hexdigest(),
        by=by.strip(),
        learned_until=until,
        names=read_names(names) if names else {},
    )
    with errors.status(f"checking {file}"):
        model = proved(name, take(file, content, brought, spec, workspace.portfolio.features, ruled(workspace, name)))
    folder = workspace.portfolio.folder
    write_whole(folder / brought.file, content)
    bring(folder / "models.yaml", name, brought)
    _tell(workspace, name, model)


def stated_day(text: str) -> date | None:
    """The day that a person stated; None: none was."""
    from training.brought.model import BroughtError

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BroughtError(f"--learned-until: found {text!r}; expected a day such as 2005-06-30") from None


def read_names(path: Path) -> dict[str, str]:
    """A map of names, the file's to the portfolio's: two columns of a CSV with a header, or a mapping in YAML."""
    from training.brought.model import BroughtError

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BroughtError(f"{path}: cannot be read: {error}; expected the file's names and the portfolio's") from None
    found = _of_csv(path, text) if path.suffix == ".csv" else _of_yaml(path, text)
    if not found or not all(isinstance(one, str) and one for pair in found.items() for one in pair):
        raise BroughtError(
            f"{path}: found {len(found)} names, or some that are no text; expected theirs: ours for each"
        )
    return dict(found)


def _of_csv(path: Path, text: str) -> Mapping[str, str]:
    from training.brought.model import BroughtError

    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row][1:]
    wrong = next((number for number, row in enumerate(rows, start=2) if len(row) != 2), None)
    if wrong is not None:
        raise BroughtError(f"{path}:{wrong}: found {len(rows[wrong - 2])} fields; expected two, theirs and ours")
    if len({theirs for theirs, _ in rows}) < len(rows):
        raise BroughtError(f"{path}: one of the file's names is there twice; expected each once")
    return dict(row for row in rows)


def _of_yaml(path: Path, text: str) -> Mapping[str, str]:
    from training.brought.model import BroughtError

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BroughtError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    return {str(theirs): ours for theirs, ours in found.items()} if isinstance(found, dict) else {}


def _tell(workspace: Workspace, name: str, model: "BroughtModel") -> None:
    origin = model.origin
    what = "a points scorecard" if origin.kind == "scorecard" else "a CatBoost model"
    console.print(
        f"[green]✓[/] {what} of {len(model.columns)} inputs, all of them features of {workspace.name}; its reasons are "
        "exact",
        soft_wrap=True,
    )
    for note in origin.notes:
        console.print(f"  note: {note}", highlight=False, soft_wrap=True)
    told = {feature for reason in workspace.policy.reasons.values() for feature in reason.features}
    if untold := [column.name for column in model.columns if column.name not in told]:
        console.print(
            f"  note: no reason of policy.yaml names {', '.join(untold)}: what they move is told as `other`",
            highlight=False,
            soft_wrap=True,
        )
    if origin.learned_until is None:
        console.print("  note: nobody stated --learned-until: what it knows already would flatter it", soft_wrap=True)
    console.print(
        f"  {workspace.portfolio.folder / origin.file}, SHA-256 {origin.sha256[:12]}…, named in models.yaml",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"next: lendloop run retrain, then lendloop run release --portfolio {workspace.name}",
        highlight=False,
        soft_wrap=True,
    )
