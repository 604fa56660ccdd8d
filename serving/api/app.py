"""The HTTP contract: routes, their documents and their problems; a `Clerk` does the work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import Response

from serving.api.consents import add_consents
from serving.api.deciding import add_deciding
from serving.api.described import DESCRIPTION, describe
from serving.api.direct import Direct
from serving.api.gate import EITHER, RELEASES, Gate, anyone, in_scope, json_response, present
from serving.api.limits import Limits
from serving.api.openid import add_openid
from serving.api.partners import add_partners
from serving.api.problems import Problem, documented, handle_problems
from serving.api.reading import add_reading
from serving.api.refusals import add_refusals
from serving.api.reviews import add_reviews
from serving.api.shedding import Shedding
from serving.api.staff import add_staff
from serving.api.state_schemas import ChallengerAnswer, LiveAnswer, ReadyAnswer, ReleaseAnswer, ReleasesAnswer
from serving.api.tokens import add_tokens
from serving.clerk import Clerk
from serving.desk import Desk
from serving.pointers import CHALLENGER_FAULT, read_fault
from serving.runtime import Served
from serving.staff.member import Member
from serving.trial.challengers import Tried
from serving.trial.note import read_stop

BODY_BYTES = 16 * 1024
BATCH_BYTES = 2 * 1024 * 1024  # 1,000 items with everything that an item can say
SECONDS = 5.0


def create_app(
    clerk: Callable[[], Clerk | None],
    releases: Path,
    shedding: Shedding | None = None,
    *,
    tokens: bool = False,
    openid: bool = False,
) -> Any:
    """The ASGI application; `clerk()` is None until the worker has started."""
    app = FastAPI(
        title="Lendloop decision service", version="1", docs_url=None, redoc_url=None, description=DESCRIPTION
    )
    handle_problems(app)
    add_deciding(app, clerk)
    add_reading(app, clerk)
    add_refusals(app, clerk)
    add_consents(app, clerk, releases)
    add_partners(app, clerk)
    add_staff(app, clerk)
    add_reviews(app, clerk)
    if openid:
        add_openid(app, clerk)
    if tokens:
        add_tokens(app, clerk)
    _add_state(app, clerk, releases)
    describe(app, BODY_BYTES, BATCH_BYTES)
    # The gate stands before the limits: nothing is read of a request from someone unknown.
    taken = shedding or Shedding(most=256, queue_seconds=SECONDS)
    return Gate(
        Limits(
            Direct(app, ("decisions", "propensities")),
            taken,
            body_bytes=BODY_BYTES,
            batch_bytes=BATCH_BYTES,
            seconds=SECONDS,
        ),
        clerk,
    )


def _add_state(app: FastAPI, clerk: Callable[[], Clerk | None], releases: Path) -> None:
    @app.get(
        RELEASES,
        response_model=ReleasesAnswer,
        responses=documented(401, 403, 405, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra=EITHER,
    )
    def list_releases(request: Request) -> Response:
        """Say what each portfolio that is open to you is served with, and why not with newer.

        For partners with the scope `read`, and for staff in any role.
        """
        who = anyone(request)
        sees = who.sees if isinstance(who, Member) else in_scope(request, "read").sees
        found = [release for release in _releases(present(clerk()), releases) if sees(release.portfolio)]
        return json_response(ReleasesAnswer(releases=found))

    @app.get("/livez", response_model=LiveAnswer, responses=documented(405), tags=["probes"])
    async def livez() -> Response:
        """Whether the worker runs."""
        return json_response(LiveAnswer())

    @app.get("/readyz", response_model=ReadyAnswer, responses=documented(405, 503), tags=["probes"])
    def readyz() -> Response:
        """Whether the worker can decide; `degraded` when a release that is wanted cannot be served."""
        found = _releases(present(clerk()), releases)
        if not any(release.release for release in found):
            faults = "; ".join(f"{release.portfolio}: {release.fault}" for release in found)
            detail = f"no release is loaded: {faults or 'no portfolio has one'}"
            raise Problem(503, detail, headers={"retry-after": "5"})
        degraded = [release.portfolio for release in found if release.fault]
        untried = [release.portfolio for release in found if release.challenger_fault]
        status: Literal["ready", "degraded"] = "degraded" if degraded else "ready"
        return json_response(ReadyAnswer(status=status, degraded=degraded, challengers_at_fault=untried))


def _releases(clerk: Clerk, releases: Path) -> list[ReleaseAnswer]:
    tried = {one.portfolio: one for one in clerk.tried()}
    return [_release(served, tried.get(served.portfolio), releases) for served in clerk.runtime.all()]


def _release(served: Served[Desk], tried: Tried | None, releases: Path) -> ReleaseAnswer:
    challenger = None if tried is None else _challenger(tried, releases)
    refused = read_fault(releases, served.portfolio, CHALLENGER_FAULT)
    return ReleaseAnswer(
        portfolio=served.portfolio,
        release=served.sha,
        wanted=served.wanted,
        current=served.current,
        fault=served.fault or read_fault(releases, served.portfolio),
        challenger=challenger,
        challenger_fault=refused or (challenger.fault if challenger else None),
    )


def _challenger(tried: Tried, releases: Path) -> ChallengerAnswer:
    stop = read_stop(releases, tried.portfolio)
    # It was stopped by this step, or by the one that followed when the registry was told.
    stopped = stop is not None and tried.trial.share == 0 and tried.trial.number - stop.number in (0, 1)
    return ChallengerAnswer(
        release=tried.trial.sha,
        share=tried.trial.share,
        current=tried.current,
        fault=tried.served.fault if tried.served else None,
        stopped=f"{stop.limit}: {stop.why}" if stop is not None and stopped else None,
    )
