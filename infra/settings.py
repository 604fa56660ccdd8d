"""Every address, path and secret that a process is given; read only by `flows/` and `serving/service.py`."""

import json
import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one process, from `LENDLOOP_*` variables or `.env`; the defaults are the embedded mode."""

    model_config = SettingsConfigDict(env_prefix="LENDLOOP_", env_file=".env", frozen=True, extra="ignore")

    home: Path = Field(default=Path(".lendloop"), description="everything a run writes")
    portfolios: Path = Field(default=Path("portfolios"), description="folder of portfolio folders")
    feature_registry: str = Field(default="", description="SQLAlchemy URL of Feast's registry; empty: SQLite in home")
    online_store: str = Field(
        default="", description="redis://… or postgresql://… or sqlite:///…; empty: SQLite in home"
    )
    mlflow_uri: str = Field(default="", description="MLflow tracking and registry URI; empty: SQLite in home")
    decision_log: str = Field(default="", description="sqlite:///… or postgresql://…; empty: SQLite in home")
    metrics: str = Field(default="", description="SQLAlchemy URL of the metrics table; empty: SQLite in home")
    counts: str = Field(
        default="",
        description="redis://… or sqlite:///…, where partners' requests are counted; empty: in home",
    )
    prefect_api: str = Field(default="", description="URL of a Prefect server's API; empty: a local one, as a child")
    profile: Literal["local", "ray"] = Field(
        default="local",
        description="who computes, joins and writes features, decides books and trains: this process, or Ray's workers",
    )
    ray_address: str = Field(default="", description="cluster to join, as ray://host:10001; empty: one of this machine")
    ray_workers: int = Field(default=2, ge=1, description="workers of Ray that work at once")
    host: str = Field(default="127.0.0.1", description="address the decision service binds")
    port: int = Field(default=8080, ge=1, le=65535, description="port of the decision service")
    workers: int = Field(default=2, ge=1, description="worker processes of the decision service")
    concurrency: int = Field(
        default=256, ge=8, description="requests at once in one worker; more are answered 503 before they queue"
    )
    queue_seconds: float = Field(
        default=0.25, gt=0, description="when answers take longer on average, a worker takes on half as many at once"
    )
    feature_seconds: float = Field(
        default=0.025, gt=0, description="features that are not read by then are missing: the decision goes to review"
    )
    log_seconds: float = Field(
        default=2.0, gt=0, description="a decision that is not in the log by then is answered 503, to be asked again"
    )
    replay: bool = Field(default=False, description="take the time of a decision from the request, for replays only")
    log_key: SecretStr = Field(
        default=SecretStr(""),
        description="master keys of the decision log, 64 hexadecimal digits each, comma between, the current one first;"
        " empty: made on first use and kept in home",
    )
    tokens: bool = Field(default=False, description="give partners OAuth 2 tokens for their keys, and take them")
    partner_secret: SecretStr = Field(
        default=SecretStr(""),
        description="secret that partners' keys are hashed under, 64 hexadecimal digits or more; empty: made on first"
        " use and kept in home",
    )
    openid_issuer: str = Field(
        default="",
        description="OpenID provider of staff, as https://id.example; empty: local accounts only",
    )
    openid_client: str = Field(default="", description="this service's id at the provider")
    openid_secret: SecretStr = Field(default=SecretStr(""), description="this service's secret at the provider")
    openid_redirect: str = Field(
        default="", description="where the provider sends staff back: https://…/v1/staff/openid/callback"
    )
    openid_roles: dict[str, str] = Field(
        default={}, description='values of the claim and the roles they give, as JSON: {"credit": "reviewer,auditor"}'
    )
    openid_claim: str = Field(default="groups", description="claim of the identity token that roles are given by")
    openid_name: str = Field(default="preferred_username", description="claim that a newcomer is named by")
    openid_portfolios: str = Field(default="*", description="portfolios open to newcomers, with commas between; *: all")
    staff: str = Field(default="", description="local account of the staff that commands act as; empty: who signed in")
    list_secret: SecretStr = Field(
        default=SecretStr(""),
        description="secret that negative lists are hashed under, 64 hexadecimal digits or more; lost, they are lost;"
        " empty: made on first use and kept in home",
    )
    vendors: dict[str, str] = Field(
        default={},
        description='vendors of identity checks, as JSON: {"liveness": "https://…"}; of liveness, voice_print, device',
    )
    vendor_keys: dict[str, SecretStr] = Field(
        default={}, description='keys that the vendors are asked with, as JSON: {"liveness": "…"}'
    )
    vendor_seconds: float = Field(
        default=0.2, gt=0, le=5, description="a check of identity that is not answered by then is not passed"
    )
    anchors: Path | None = Field(
        default=None, description="folder of the signed anchors of the decision log, best on another disk; empty: home"
    )

    traces: str = Field(
        default="", description="URL that takes OTLP traces over HTTP, as http://127.0.0.1:4318/v1/traces; empty: none"
    )
    traced_share: float = Field(default=0.01, ge=0, le=1, description="share of the requests that are traced")

    def root(self) -> Path:
        """The absolute path of `home`, so that a child process in another folder finds the same files."""
        return self.home.resolve()

    def variables(self) -> dict[str, str]:
        """Every setting that was given, secrets too, as the variables by which another process is given the same."""
        given = {name: getattr(self, name) for name in sorted(self.model_fields_set)}
        return {f"LENDLOOP_{name.upper()}": _text(value) for name, value in given.items()}

    def openid(self) -> dict[str, Any]:
        """The settings of the OpenID provider, its secret opened; empty where there is none."""
        if not self.openid_issuer:
            return {}
        names = ("issuer", "client", "redirect", "roles", "claim", "name", "portfolios")
        found = {name: getattr(self, f"openid_{name}") for name in names}
        return {**found, "secret": self.openid_secret.get_secret_value()}

    def secrets(self) -> set[str]:
        """The names of those `variables` that hold a secret: a key, or an address with a password in it."""
        return {f"LENDLOOP_{name.upper()}" for name in self.model_fields_set if _is_secret(getattr(self, name))}

    @property
    def opened_vendor_keys(self) -> dict[str, str]:
        """The vendors' keys, to be sent to them and nowhere else."""
        return {signal: key.get_secret_value() for signal, key in self.vendor_keys.items()}

    @property
    def lake(self) -> Path:
        """Folder of the lake's Parquet files."""
        return self.root() / "lake"

    @property
    def made(self) -> Path:
        """Folder of raw files that commands make, by portfolio."""
        return self.root() / "made"

    @property
    def releases(self) -> Path:
        """Content-addressed folder of releases on local disk, and the pointers to the current ones."""
        return self.root() / "releases"

    @property
    def reports(self) -> Path:
        """Folder of rendered reports."""
        return self.root() / "reports"

    def url(self, given: str, file: str) -> str:
        """`given`, or the URL of an SQLite file in `home` when nothing was given."""
        return given or f"sqlite:///{self.root() / file}"

    @property
    def feature_registry_url(self) -> str:
        """URL of Feast's SQL registry."""
        return self.url(self.feature_registry, "feature_registry.db")

    @property
    def online_store_url(self) -> str:
        """URL of the online feature store."""
        return self.url(self.online_store, "online_store.db")

    @property
    def mlflow_url(self) -> str:
        """URI of MLflow's tracking server and registry."""
        return self.url(self.mlflow_uri, "mlflow.db")

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of MLflow's artifacts when the store is a file."""
        return self.root() / "mlflow-artifacts"

    @property
    def decision_log_url(self) -> str:
        """URL of the decision log."""
        return self.url(self.decision_log, "decision_log.db")

    @property
    def counts_url(self) -> str:
        """URL of what partners have used of their limits."""
        return self.url(self.counts, "quotas.db")

    @property
    def log_key_file(self) -> Path:
        """File of the decision log's master keys, when none are given."""
        return self.root() / "decision_log.key"

    @property
    def partner_secret_file(self) -> Path:
        """File of the secret that partners' keys are hashed under, when none is given."""
        return self.root() / "partner.key"

    @property
    def session_file(self) -> Path:
        """File of the session that this user of the machine signed in for at the command line."""
        return self.root() / f"staff-session-{os.getuid()}"

    @property
    def list_secret_file(self) -> Path:
        """File of the secret that negative lists are hashed under, when none is given."""
        return self.root() / "lists.key"

    @property
    def anchors_folder(self) -> Path:
        """Folder of the decision log's signed anchors."""
        return (self.anchors or self.root() / "anchors").resolve()

    @property
    def metrics_url(self) -> str:
        """URL of the metrics table."""
        return self.url(self.metrics, "monitoring.db")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps({name: _text(one) for name, one in sorted(value.items())})
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _is_secret(value: object) -> bool:
    if isinstance(value, dict):
        return any(_is_secret(one) for one in value.values())
    if not isinstance(value, str):
        return isinstance(value, SecretStr)
    address = urlsplit(value)
    return address.password is not None or any(
        word in name.lower() for name in parse_qs(address.query) for word in ("password", "secret", "token", "key")
    )
