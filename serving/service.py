"""The decision service as BentoML runs it: the one place of BentoML, and of settings in this package."""

import asyncio
import gc
import os
import sys
from typing import Any

import _bentoml_impl.server.app  # noqa: F401  what the application is made of: once, for all workers that are forked
import bentoml

from infra.processes import die_with_parent
from infra.settings import Settings
from serving.api.app import create_app
from serving.api.last_resort import LastResort
from serving.api.problems import failed
from serving.api.shedding import Shedding
from serving.clerk import Clerk
from serving.desk import Desk, now, open_desk
from serving.inquiry import open_inquiry
from serving.log.anchoring import Anchoring
from serving.log.anchors import Anchors
from serving.log.batcher import Batcher
from serving.log.decision_log import open_log
from serving.log.keys import open_keys
from serving.logs import log_to_stderr
from serving.partners.batch_keys import open_batch_keys
from serving.partners.book import open_book
from serving.partners.directory import Directory
from serving.partners.key import server_secret
from serving.partners.limits import open_limits
from serving.pauses import open_pauses
from serving.reviews.board import open_board
from serving.runtime import Runtime
from serving.staff.book import open_staff
from serving.staff.openid import make_openid
from serving.staff.provider import Provider
from serving.staff.reception import Reception
from serving.telemetry.counters import counters_folder
from serving.telemetry.requests import Watched
from serving.telemetry.telemetry import Telemetry
from serving.telemetry.telling import Telling, open_telling
from serving.trial.challengers import Challengers
from serving.vendors import http_vendors

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while another waits: those that ask Postgres for features or write its log
have a hundredth of a millisecond's work at a time, and would wait Python's 5 ms for it, several times a request."""

_settings = Settings()
_clerks: list[Clerk] = []  # the one of this worker, while it runs
_anchorings: list[Anchoring] = []  # the same
_telling: list[Telling] = []  # the same


@bentoml.service(
    name="lendloop",
    workers=_settings.workers,
    # None is refused here; the API's own limit is shorter and answers with a problem document.
    traffic={"timeout": 60},
    # Each of these costs more per request than a decision does; what is needed of them is ours, with bounded labels.
    tracing={"excluded_urls": ".*"},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    http={"host": "127.0.0.1"},
)
class DecisionService:
    """One worker: opens the stores, follows the releases, answers until it is told to stop."""

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Open what the answers need, and load the current releases."""
        die_with_parent(os.getppid())
        sys.setswitchinterval(SWITCH_SECONDS)
        log_to_stderr()
        settings = Settings()
        _telling[:] = [open_telling(counters_folder(settings.root()), settings.traces, settings.traced_share)]
        _clerks[:] = [open_clerk(settings, _telling[0].told)]
        _telling[0].watch(_clerks[0])
        # What is loaded by now stays: the collector need not walk it again and again (p99 112 → 7–19 ms).
        gc.collect()
        gc.freeze()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Answer what was begun, then close."""
        while _clerks:
            await _clerks.pop().close()
        while _anchorings:
            await asyncio.to_thread(_anchorings.pop().stop)  # after the last decision: the anchor covers it
        while _telling:
            await _telling.pop().close()


def open_clerk(settings: Settings, told: Telemetry) -> Clerk:
    """The clerk of this worker, its releases loaded; belongs to the running event loop."""

    def load(portfolio: str, folder: Any) -> Desk:
        urls = {"registry": settings.feature_registry_url, "online": settings.online_store_url}
        desk = open_desk(portfolio, folder, **urls)
        desk.rehearse(patience=0.0)  # the worker looks again by itself, and other portfolios wait for this one
        return desk

    runtime = Runtime(settings.releases, load)
    keys = open_keys(settings.log_key.get_secret_value(), settings.log_key_file)
    log = open_log(settings.decision_log_url, keys)
    _anchorings.append(Anchoring(log, Anchors(settings.anchors_folder, settings.root() / "anchor.key"), now))
    _anchorings[-1].start()
    secret = server_secret(settings.partner_secret.get_secret_value(), settings.partner_secret_file)
    directory = Directory(open_book(settings.decision_log_url, secret), secret, tokens=settings.tokens)
    limits = open_limits(settings.counts_url, told.limited)
    pauses = open_pauses(settings.decision_log_url)
    batches = open_batch_keys(settings.decision_log_url, secret)
    batcher = Batcher(log, heard=told.committed)
    clerk = Clerk(runtime, batcher, log, pauses, directory, limits, batches, settings.replay, telemetry=told)
    # A replay may take its time; a checkout may not.
    clerk.feature_seconds = max(settings.feature_seconds, 5.0 * settings.replay)
    clerk.log_seconds = max(settings.log_seconds, 5.0 * settings.replay)
    listed = server_secret(settings.list_secret.get_secret_value(), settings.list_secret_file, "LENDLOOP_LIST_SECRET")
    seconds = settings.vendor_seconds
    vendors = http_vendors(settings.vendors, settings.opened_vendor_keys, seconds)
    clerk.challengers = Challengers(settings.releases, load)
    clerk.inquiry = open_inquiry(settings.decision_log_url, listed, log.vault, vendors, seconds)
    clerk.staff = Reception(open_staff(settings.decision_log_url, log), secret)
    clerk.provider = _provider(settings, clerk.staff, secret)
    clerk.reviews = open_board(settings.decision_log_url, log)
    runtime.start()
    clerk.challengers.start()
    return clerk


def _provider(settings: Settings, staff: Reception, secret: bytes) -> Provider | None:
    given = settings.openid()
    return Provider(make_openid(**given), staff, secret) if given else None


_contract = LastResort(
    Watched(
        create_app(
            lambda: _clerks[0] if _clerks else None,
            _settings.releases,
            Shedding(_settings.concurrency, _settings.queue_seconds),
            tokens=_settings.tokens,
            openid=bool(_settings.openid_issuer),
        ),
        lambda: _telling[0].told if _telling else None,
    ),
    failed,
)


class _Contract:
    """Takes every HTTP request before BentoML's own pages, probes and error shapes can answer it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (_contract if scope["type"] == "http" else self._app)(scope, receive, send)


DecisionService.add_asgi_middleware(_Contract)  # type: ignore[attr-defined]


def application() -> Any:
    """The ASGI application: a request goes to the contract at once, the start and the end of a worker to BentoML.

    Where BentoML's own workers run it, a request passes its middlewares before: a task and a look at its address each.
    """
    return _Contract(DecisionService.to_asgi(is_main=True))  # type: ignore[attr-defined]
