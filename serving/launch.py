"""How the decision service is to run: what its supervisor and workers are told, and where it notes that it runs."""

import hashlib
import os
import sys
from pathlib import Path

from pydantic import Field

from features.documents import Document
from infra.processes import is_running
from serving.log.keys import KeyRing, open_keys
from serving.log.record import PLATFORM
from serving.partners.key import own_key, server_secret


class ServiceError(RuntimeError):
    """The decision service cannot be built, started, checked or stopped; the message says what to do."""


class Launch(Document):
    """Everything a run of the service depends on. URLs and the key may hold secrets: never shown, never on disk."""

    home: Path = Field(description="absolute; releases, pointers, notes and logs are kept below")
    bento: Path = Field(description="absolute path of the Bento to run")
    portfolios: tuple[str, ...] = Field(description="portfolios whose champions are followed")
    mlflow_uri: str = Field(repr=False)
    mlflow_artifacts: Path
    feature_registry: str = Field(repr=False)
    online_store: str = Field(repr=False)
    decision_log: str = Field(repr=False)
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65535)
    workers: int = Field(2, ge=1)
    replay: bool = False
    concurrency: int = 256
    queue_seconds: float = 0.25
    feature_seconds: float = 0.025
    log_seconds: float = 2.0
    log_key: str = Field("", repr=False)
    partner_secret: str = Field("", repr=False)
    list_secret: str = Field("", repr=False)
    anchors: Path | None = Field(None, description="folder of the log's signed anchors; null: in home")
    variables: dict[str, str] = Field({}, repr=False, description="every other setting that the workers read")

    @property
    def releases(self) -> Path:
        """Folder of releases and pointers."""
        return self.home / "releases"

    @property
    def folder(self) -> Path:
        """Folder of the service's note, lock, log and door."""
        return service_folder(self.home)

    def log_keys(self) -> KeyRing:
        """The master keys of the decision log."""
        return open_keys(self.log_key, self.home / "decision_log.key")

    def own_key(self) -> str:
        """The key by which the platform itself calls the service."""
        return own_key(server_secret(self.partner_secret, self.home / "partner.key"), PLATFORM)

    @property
    def url(self) -> str:
        """Where the service answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def digest(self) -> str:
        """Digest of every setting: a service with another one has to be started anew."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def environment(self) -> dict[str, str]:
        """The environment of the workers: this process's own, with the settings that this launch means."""
        given = {
            "HOME": self.home,
            "FEATURE_REGISTRY": self.feature_registry,
            "ONLINE_STORE": self.online_store,
            "MLFLOW_URI": self.mlflow_uri,
            "DECISION_LOG": self.decision_log,
            "HOST": self.host,
            "PORT": self.port,
            "WORKERS": self.workers,
            "REPLAY": self.replay,
            "CONCURRENCY": self.concurrency,
            "QUEUE_SECONDS": self.queue_seconds,
            "FEATURE_SECONDS": self.feature_seconds,
            "LOG_SECONDS": self.log_seconds,
            "LOG_KEY": self.log_key,
            "PARTNER_SECRET": self.partner_secret,
            "LIST_SECRET": self.list_secret,
            **({} if self.anchors is None else {"ANCHORS": self.anchors}),
        }
        return {
            **os.environ,
            **self.variables,
            **{f"LENDLOOP_{name}": str(value) for name, value in given.items()},
            **quiet(),
            "BENTOML_HOME": str(self.home / "bentoml"),
        }


def quiet() -> dict[str, str]:
    """Variables that keep BentoML from calling home, and child processes on the environment's own Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {"BENTOML_DO_NOT_TRACK": "true", "DO_NOT_TRACK": "true", "PATH": path, "PYTHONUNBUFFERED": "1"}


class Note(Document):
    """What a running service says of itself in `<home>/service/service.json`."""

    pid: int
    started: int = Field(description="start time of the process: a pid alone may be another's by now")
    url: str
    bento: Path
    workers: int
    settings: str = Field(description="digest of the launch")

    def alive(self) -> bool:
        """Whether the process that wrote this still runs."""
        return is_running(self.pid, self.started)


def service_folder(home: Path) -> Path:
    """Where the service that runs on `home` keeps its note, lock and log."""
    return home / "service"


def note_path(folder: Path) -> Path:
    """The note in a service's folder."""
    return folder / "service.json"


def read_note(folder: Path) -> Note | None:
    """The note of the service that keeps it in `folder`; None: none runs."""
    try:
        note = Note.model_validate_json(note_path(folder).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return note if note.alive() else None
