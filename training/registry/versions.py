"""Models and releases as the registry names them, read from the tags of their versions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from training.registry.store import Version

CHAMPION, CHALLENGER = "champion", "challenger"
INPUTS, AS_OF, SHA, GATES, RUNS = (f"lendloop.{name}" for name in ("inputs", "as_of", "sha", "gates", "runs"))


@dataclass(frozen=True)
class ModelVersion:
    """A finished training run and its model version."""

    portfolio: str
    name: str
    version: int
    run_id: str
    inputs: str
    as_of: date


@dataclass(frozen=True)
class ReleaseVersion:
    """A registered release: the SHA-256 that names it, its gates' results, its models' runs and the pointers on it."""

    portfolio: str
    sha: str
    version: int
    run_id: str
    as_of: date
    gates: Mapping[str, Any]
    runs: Mapping[str, str]
    aliases: tuple[str, ...]


def model_version(portfolio: str, name: str, version: Version) -> ModelVersion:
    """The model that a version stands for."""
    as_of = date.fromisoformat(version.tags[AS_OF])
    return ModelVersion(portfolio, name, version.number, version.run_id, version.tags[INPUTS], as_of)


def release_version(
    portfolio: str, version: Version, champion: str | None, challenger: str | None = None
) -> ReleaseVersion:
    """The release that a version stands for; `champion` and `challenger` are those that are, wherever aliases lag."""
    sha = version.tags[SHA]
    ours = tuple(name for name, one in ((CHAMPION, champion), (CHALLENGER, challenger)) if one == sha)
    others = tuple(alias for alias in version.aliases if alias not in (CHAMPION, CHALLENGER))
    return ReleaseVersion(
        portfolio=portfolio,
        sha=sha,
        version=version.number,
        run_id=version.run_id,
        as_of=date.fromisoformat(version.tags[AS_OF]),
        gates=json.loads(version.tags[GATES]),
        runs=json.loads(version.tags[RUNS]),
        aliases=(*ours, *others),
    )
