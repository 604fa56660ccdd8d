"""The documents of a release, and its manifest: the digest of each, and by its own digest the release's name."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import rfc8785
from pydantic import Field, ValidationError

from features.documents import Document
from features.permitted import FeatureColumn
from features.profiles import Profile
from serving.scoring import Kind

MANIFEST = "manifest.json"
FEATURES = "features.json"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Part = Annotated[str, Field(pattern=r"^([a-z0-9_]+/)*[a-z0-9_]+\.[a-z]+$")]
"""A component's path in the folder; it cannot lead out of it."""


class ReleaseError(ValueError):
    """A release cannot be built or loaded."""


class ReleaseMissing(ReleaseError):
    """There is no release in the folder."""


class ReleaseCorrupt(ReleaseError):
    """What the folder holds is not what its manifest or its name says."""


class Manifest(Document):
    """What a release is made of: the digest of each component by its path in the folder."""

    schema_: Literal[1] = Field(1, alias="schema")
    portfolio: str
    as_of: date
    components: dict[Part, Digest]

    def canonical(self) -> bytes:
        """The bytes that are hashed."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True))

    @property
    def sha(self) -> str:
        """The release's name."""
        return hashlib.sha256(self.canonical()).hexdigest()


class ReleaseFeatures(Document):
    """`features.json`: the entity, each model's inputs in their order, and digests of the code that makes features."""

    entity_key: str
    entity_type: Literal["int", "string"]
    models: dict[str, tuple[FeatureColumn, ...]]
    sources: dict[str, Digest]

    @property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """Every feature some model reads, once."""
        return tuple({column.name: column for columns in self.models.values() for column in columns}.values())


class ModelInfo(Document):
    """`model.json`: what the model predicts, and its inputs as a reader of the `.cbm` needs them."""

    kind: Kind
    label: str
    features: tuple[str, ...]
    categorical: tuple[str, ...]


class Profiles(Document):
    """`profile.json`: for each model, the reference profile of its inputs, probability and score."""

    models: dict[str, Profile]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the release in `folder`."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ReleaseMissing(f"{path}: no such file; expected a release; fetch or build it again") from None
    except ValidationError as error:
        raise ReleaseCorrupt(f"{path}: not a release manifest: {error.errors(include_url=False)[0]['msg']}") from None


def read_features(folder: Path) -> ReleaseFeatures:
    """What the release in `folder` reads; its digest is not checked here."""
    path = folder / FEATURES
    try:
        return ReleaseFeatures.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ReleaseMissing(f"{path}: no such file; expected a release; fetch or build it again") from None
    except ValidationError as error:
        raise ReleaseCorrupt(f"{path}: not of a release: {error.errors(include_url=False)[0]['msg']}") from None


def verify_release(folder: Path) -> Manifest:
    """Check every digest of the release in `folder`, and its name where the folder is called by a digest."""
    manifest = read_manifest(folder)
    if len(folder.name) == 64 and folder.name != manifest.sha:
        raise ReleaseCorrupt(f"{folder}: the manifest's digest is {manifest.sha}; expected the folder's name")
    for path, expected in manifest.components.items():
        try:
            found = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        except OSError as error:
            raise ReleaseCorrupt(f"{folder / path}: cannot be read: {error}; fetch the release again") from error
        if found != expected:
            raise ReleaseCorrupt(f"{folder / path}: digest {found}, expected {expected}; fetch the release again")
    return manifest


def changed_components(old: Manifest | None, new: Manifest) -> frozenset[str]:
    """Paths of the components that differ between two releases, or are in one only; all when there is no old one."""
    before = old.components if old else {}
    return frozenset(
        path for path in before.keys() | new.components.keys() if before.get(path) != new.components.get(path)
    )
