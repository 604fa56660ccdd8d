"""How the decision service runs under the settings; apart from flow `deploy`, so that Prefect is not needed for it."""

from pathlib import Path

from features.portfolio import list_portfolios
from infra.settings import Settings
from serving.bento import build_bento
from serving.launch import Launch

PROJECT = Path(__file__).resolve().parent.parent


def launch_of(settings: Settings) -> Launch:
    """How the decision service runs under these settings, with the Bento of this code."""
    _check_openid(settings)
    return Launch(
        home=settings.root(),
        bento=build_bento(PROJECT, settings.root() / "bentos"),
        portfolios=tuple(list_portfolios(settings.portfolios)),
        mlflow_uri=settings.mlflow_url,
        mlflow_artifacts=settings.mlflow_artifacts,
        feature_registry=settings.feature_registry_url,
        online_store=settings.online_store_url,
        decision_log=settings.decision_log_url,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        replay=settings.replay,
        concurrency=settings.concurrency,
        queue_seconds=settings.queue_seconds,
        feature_seconds=settings.feature_seconds,
        log_seconds=settings.log_seconds,
        log_key=settings.log_key.get_secret_value(),
        partner_secret=settings.partner_secret.get_secret_value(),
        list_secret=settings.list_secret.get_secret_value(),
        anchors=settings.anchors_folder,
        variables=settings.variables(),
    )


def _check_openid(settings: Settings) -> None:
    """Look at the OpenID provider's settings before a service starts that could not use them."""
    if given := settings.openid():
        from serving.staff.openid import make_openid

        make_openid(**given)
