"""A plan → a portfolio folder, written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from features.spec import Name
from flows.onboarding.check import check_portfolio
from flows.onboarding.features_file import features_text
from flows.onboarding.model_file import models_text
from flows.onboarding.monitoring_file import monitoring_text
from flows.onboarding.plan import OUTCOMES, RECORDS, Plan, make_plan
from flows.onboarding.policy_file import policy_text
from flows.onboarding.readme import readme_text
from flows.onboarding.request import OnboardingError, Request
from infra.files import sync_tree
from infra.processes import start_time

SET_ASIDE = "set_aside.csv"
DRAFT = ".new-"


def new_portfolio(request: Request, root: Path) -> Plan:
    """Write the portfolio folder of `request` into `root`; nothing is left behind when that fails."""
    _refuse(request.name, root)
    plan = make_plan(request)
    with _draft(root) as draft:
        folder = draft / request.name
        write_folder(plan, folder)
        faults = check_portfolio(draft, request.name).faults
        if faults:
            found = "\n".join(fault.replace(str(draft), str(root)) for fault in faults)
            raise OnboardingError(f"{request.source}: the portfolio made of it would not pass its own check:\n{found}")
        sync_tree(folder)
        try:
            folder.rename(root / request.name)
        except OSError:
            _refuse(request.name, root)
            raise
    return plan


def write_folder(plan: Plan, folder: Path) -> None:
    """Write the four files, the tables and the README of a plan into a new folder."""
    data = folder / "data"
    data.mkdir(parents=True)
    plan.records.write_parquet(data / f"{RECORDS}.parquet", compression="zstd")
    plan.labelled.write_parquet(data / f"{OUTCOMES}.parquet", compression="zstd")
    if not plan.rows.set_aside.is_empty():
        plan.rows.set_aside.write_csv(folder / SET_ASIDE)
    texts = {
        "models.yaml": models_text(plan),
        "policy.yaml": policy_text(plan),
        "monitoring.yaml": monitoring_text(plan),
        "README.md": readme_text(plan),
        "features.yaml": features_text(plan),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _refuse(name: str, root: Path) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise OnboardingError(
            f"portfolio {name!r}: expected a name of a-z, 0-9 and _ that begins with a letter, such as car_loans"
        ) from None
    if (root / name).exists():
        raise OnboardingError(f"{root / name} exists already; choose another name, or remove it first")


@contextmanager
def _draft(root: Path) -> Iterator[Path]:
    """A folder inside `root`, on the same disk, out of sight of whoever lists portfolios; always removed."""
    made = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{DRAFT}*"):
        if start_time(int(left.name.removeprefix(DRAFT))) is None:
            shutil.rmtree(left, ignore_errors=True)
    draft = root / f"{DRAFT}{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
