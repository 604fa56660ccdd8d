"""A release: one folder of models, calibrations, policy and reference profiles, named by what it holds.

`manifest.json` lists the SHA-256 of every component; the SHA-256 of its canonical JSON (RFC 8785) is the release's
name. No time, run id or path is in it: the same parts make the same release wherever and whenever it is built.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import rfc8785
from pydantic import ValidationError

from features.documents import Document
from features.permitted import FeatureColumn
from features.profiles import Profile
from features.spec import Entity
from serving.contributions import UnsupportedModel
from serving.drafts import draft
from serving.manifest import (
    MANIFEST,
    Digest,
    Manifest,
    ModelInfo,
    Profiles,
    ReleaseCorrupt,
    ReleaseError,
    ReleaseFeatures,
    ReleaseMissing,
    changed_components,
    read_manifest,
    verify_release,
)
from serving.policy import RELEASED, Policy
from serving.scoring import Kind, LoadedModel, UnfaithfulModel, load_model
from training.inputs import input_order
from training.score import Calibration

__all__ = [
    "MANIFEST",
    "Digest",
    "LoadedRelease",
    "Manifest",
    "ModelInfo",
    "ModelParts",
    "Profiles",
    "ReleaseCorrupt",
    "ReleaseError",
    "ReleaseFeatures",
    "ReleaseMissing",
    "build_release",
    "changed_components",
    "load_release",
    "read_manifest",
    "verify_release",
]

MODEL_PARTS = ("model.cbm", "calibration.json", "model.json")
AnyDocument = TypeVar("AnyDocument", bound=Document)


@dataclass(frozen=True)
class ModelParts:
    """What a model brings to a release; `profile` is of the training window, with `probability` and `score` in it."""

    kind: Kind
    label: str
    cbm: bytes
    calibration: Calibration
    columns: tuple[FeatureColumn, ...]
    profile: Profile


@dataclass(frozen=True)
class LoadedRelease:
    """A release in memory, ready to decide."""

    sha: str
    folder: Path
    manifest: Manifest
    policy: Policy
    features: ReleaseFeatures
    profiles: Mapping[str, Profile]
    models: Mapping[str, LoadedModel]

    @property
    def portfolio(self) -> str:
        """The portfolio it decides for."""
        return self.manifest.portfolio


def build_release(
    releases: Path,
    *,
    portfolio: str,
    as_of: date,
    entity: Entity,
    policy: Policy,
    models: Mapping[str, ModelParts],
    sources: Mapping[str, Digest] | None = None,
) -> Manifest:
    """Write the release into the folder `releases`/sha, whole or not at all; one that is there already is kept.

    `sources`: digests of `features.yaml`, `tables.py` and `features.py`, which the release records but never loads.
    """
    _check_models(policy, models)
    features = ReleaseFeatures(
        entity_key=entity.key,
        entity_type=entity.type,
        models={name: input_order(parts.columns) for name, parts in models.items()},
        sources=dict(sources or {}),
    )
    content = {
        "features.json": _canonical(features),
        "policy.json": _canonical(policy),
        "profile.json": _canonical(Profiles(models={name: parts.profile for name, parts in models.items()})),
    }
    for name, parts in models.items():
        content |= _model_content(f"models/{name}", parts)
    components = {path: hashlib.sha256(data).hexdigest() for path, data in sorted(content.items())}
    manifest = Manifest(portfolio=portfolio, as_of=as_of, components=components)
    _write(releases, manifest, content)
    return manifest


def load_release(folder: Path, policy: Policy | None = None) -> LoadedRelease:
    """Verify the release in `folder` and load its models; `policy` takes the place of its own in a simulation."""
    manifest = verify_release(folder)
    _check_parts(folder, manifest, ("features.json", "policy.json", "profile.json"))
    features = _read(folder / "features.json", ReleaseFeatures)
    policy = policy or _read(folder / "policy.json", Policy)
    for name in features.models:
        _check_parts(folder, manifest, [f"models/{name}/{part}" for part in MODEL_PARTS])
    models = {name: _load(folder, name, columns, policy) for name, columns in features.models.items()}
    _check_rules(folder, policy, models)
    profiles = _read(folder / "profile.json", Profiles).models
    return LoadedRelease(manifest.sha, folder, manifest, policy, features, profiles, models)


def read_release_policy(folder: Path) -> Policy:
    """The policy of the verified release in `folder`, without its models."""
    verify_release(folder)
    return _read(folder / "policy.json", Policy)


def _check_parts(folder: Path, manifest: Manifest, expected: Iterable[str]) -> None:
    """What the manifest does not list was not verified, and is not read."""
    if absent := sorted(set(expected) - set(manifest.components)):
        raise ReleaseCorrupt(f"{folder / MANIFEST}: does not list {absent}; expected every component of a release")


def _check_rules(folder: Path, policy: Policy, models: Mapping[str, LoadedModel]) -> None:
    """Rules that the model's features cannot answer must fail here, not at a request."""
    if (risk := policy.risk) is not None and risk.model in models:
        for key, problem in risk.misread(models[risk.model].kinds):
            where = ".".join(map(str, ("risk", *key)))
            raise ReleaseCorrupt(f"{folder / 'policy.json'}: {where}: {problem}; build it from a checked policy.yaml")


def _check_models(policy: Policy, models: Mapping[str, ModelParts]) -> None:
    if set(policy.models) != set(models):
        raise ReleaseError(f"the policy decides by {sorted(policy.models)}; found models {sorted(models)}")
    for name, parts in models.items():
        if parts.kind != policy.kind(name):
            raise ReleaseError(
                f"model {name!r} is a {parts.kind} model; the policy decides by it as {policy.kind(name)}"
            )


def _model_content(folder: str, parts: ModelParts) -> dict[str, bytes]:
    columns = input_order(parts.columns)
    info = ModelInfo(
        kind=parts.kind,
        label=parts.label,
        features=tuple(column.name for column in columns),
        categorical=tuple(column.name for column in columns if column.dtype == "category"),
    )
    return {
        f"{folder}/model.cbm": parts.cbm,
        f"{folder}/calibration.json": _canonical(parts.calibration),
        f"{folder}/model.json": _canonical(info),
    }


def _load(folder: Path, name: str, columns: tuple[FeatureColumn, ...], policy: Policy) -> LoadedModel:
    from catboost import CatBoostError

    place = folder / "models" / name
    info = _read(place / "model.json", ModelInfo)
    calibration = _read(place / "calibration.json", Calibration)
    try:
        cbm = (place / "model.cbm").read_bytes()
        return load_model(name, info.kind, info.label, cbm, columns, calibration, policy)
    except (OSError, CatBoostError) as error:
        raise ReleaseCorrupt(f"{place / 'model.cbm'}: CatBoost cannot load it: {error}") from error
    except (UnfaithfulModel, UnsupportedModel) as error:
        raise ReleaseCorrupt(f"{place / 'model.cbm'}: {error}") from error


def _canonical(document: Document) -> bytes:
    return rfc8785.dumps(document.model_dump(mode="json", by_alias=True))


def _read(path: Path, kind: type[AnyDocument]) -> AnyDocument:
    try:
        return kind.model_validate_json(path.read_bytes(), context=RELEASED)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ReleaseCorrupt(f"{path}: {where}: {first['msg']}; built by another version of Lendloop?") from None


def _write(releases: Path, manifest: Manifest, content: Mapping[str, bytes]) -> None:
    target = releases / manifest.sha
    if _is_whole(target):
        return
    shutil.rmtree(target, ignore_errors=True)
    with draft(releases, "draft") as folder:
        for path, data in {**content, MANIFEST: manifest.canonical()}.items():
            _write_through(folder / path, data)
        folder.chmod(0o755)
        try:
            folder.replace(target)
        except OSError:
            # Another process may have built the same release meanwhile.
            if not _is_whole(target):
                raise


def _is_whole(folder: Path) -> bool:
    try:
        verify_release(folder)
    except ReleaseError:
        return False
    return True


def _write_through(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
