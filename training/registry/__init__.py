"""MLflow and its one place: runs with their evidence, models, releases, and the pointer to the champion."""

from training.registry.history import Step
from training.registry.moves import MovedMeanwhile, OldHistory
from training.registry.registry import NothingToRollBack, NotRegistered, Registry
from training.registry.store import RegistryError
from training.registry.trials import Trial, TrialError, Trials, TrialStep
from training.registry.versions import ModelVersion, ReleaseVersion

__all__ = [
    "ModelVersion",
    "MovedMeanwhile",
    "NotRegistered",
    "NothingToRollBack",
    "OldHistory",
    "Registry",
    "RegistryError",
    "ReleaseVersion",
    "Step",
    "Trial",
    "TrialError",
    "TrialStep",
    "Trials",
]
