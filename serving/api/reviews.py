"""Reviews: for staff to take, decide and confirm, for auditors to read, for partners to see how they end."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from serving.api.bodies import checked, read_json
from serving.api.deciding import decision_time
from serving.api.described import TIME
from serving.api.gate import EITHER, STAFF_ONLY, anyone, json_response, member, present
from serving.api.problems import Problem, documented
from serving.api.reading import DecisionId
from serving.api.review_schemas import (
    LARGEST_PAGE,
    ConfirmRequest,
    ReviewAnswer,
    ReviewsAnswer,
    RulingRequest,
)
from serving.clerk import Clerk
from serving.decide import Decider
from serving.log.database import LogUnavailable
from serving.partners.partner import Partner
from serving.policy import Reviews
from serving.reviews.allowed import BadReason, reasons_of
from serving.reviews.answers import review_of, summary_of
from serving.reviews.board import Board, Case, NoReview, NotAllowed, Ruling, TooMuch
from serving.reviews.listing import Wanted
from serving.reviews.review import Refused, State
from serving.staff.member import Member
from serving.undecided import not_loaded

T = TypeVar("T")
Step = Callable[[Board, Case, Member, Decider, datetime], Case]
_READ = documented(400, 401, 403, 404, 405, 422, 429, 431, 500, 503)
_ACT = documented(400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 503)
_PATH = "/v1/reviews/{decision_id}"
Portfolio = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["taiwan_cards"])]
InState = Annotated[State | None, Query(alias="state", description="default: all that wait: open, claimed, confirming")]
After = Annotated[
    str | None,
    Query(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="`next` of the page before"),
]


def add_reviews(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the routes about reviews."""
    _add_reading(app, clerk)
    _add_acts(app, clerk)


def _add_reading(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    timed = {"parameters": [TIME]}

    @app.get(
        "/v1/reviews", response_model=ReviewsAnswer, responses=_READ, tags=["v1"], openapi_extra={**EITHER, **timed}
    )
    async def list_reviews(
        request: Request,
        portfolio: Portfolio = None,
        state: InState = None,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
        after: After = None,
    ) -> Response:
        """List reviews, the oldest first: for staff those of their portfolios, for a partner those of its decisions."""
        worker, who = present(clerk()), anyone(request)
        if isinstance(who, Partner) and "review" not in who.scopes:
            raise Problem(403, "your key may not list reviews")
        if isinstance(who, Member) and not who.reads_reviews:
            raise Problem(403, "expected a reviewer, a risk officer or an auditor")
        terms, at = _terms(worker, who, portfolio), decision_time(request, worker.replay)
        partner = who.name if isinstance(who, Partner) else None
        wanted = Wanted(terms, at, state, partner, after, limit)
        found = await asked(lambda: board(worker).page(wanted))
        reviews = [summary_of(one, of_staff=partner is None) for one in found]
        more = reviews[-1].decision_id if len(reviews) == limit else None
        return json_response(ReviewsAnswer(reviews=reviews, next=more))

    @app.get(_PATH, response_model=ReviewAnswer, responses=_READ, tags=["v1"], openapi_extra={**STAFF_ONLY, **timed})
    async def read_review(request: Request, decision_id: DecisionId) -> Response:
        """Show a review with all that a person needs to decide it."""
        worker, who = present(clerk()), member(request)
        at = decision_time(request, worker.replay)
        case = await asked(lambda: _case(worker, who, decision_id))
        return json_response(review_of(case, in_force(worker, case.decision.portfolio), at))


def _add_acts(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    def add(verb: str, body: type[BaseModel] | None, summary: str, step: Callable[[Any], Step]) -> None:
        async def act(request: Request, decision_id: DecisionId) -> Response:
            worker, who = present(clerk()), member(request)
            at = decision_time(request, worker.replay)
            told = checked(body, read_json(await request.body())) if body else None
            return json_response(await asked(lambda: _done(worker, who, decision_id, at, step(told))))

        extra: dict[str, Any] = {**STAFF_ONLY, "parameters": [TIME]}
        if body is not None:
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}}
            extra["requestBody"] = {"required": True, "content": content}
        name = f"{verb}_review"
        options: dict[str, Any] = {"name": name, "operation_id": name, "summary": summary, "openapi_extra": extra}
        app.add_api_route(
            f"{_PATH}/{verb}",
            act,
            methods=["POST"],
            response_model=ReviewAnswer,
            responses=_ACT,
            tags=["v1"],
            **options,
        )

    add("claim", None, "Take a review that is open, for as long as the policy says.", _claim)
    add("release", None, "Give a review back that you hold.", _release)
    add("decide", RulingRequest, "Approve or decline the application of a review that you hold.", _decide)
    add("confirm", ConfirmRequest, "Confirm what another person approved, or decline it.", _confirm)


def _claim(_: None) -> Step:
    return lambda board, case, who, release, at: board.claim(case, who, release, at)


def _release(_: None) -> Step:
    return lambda board, case, who, release, at: board.release(case, who, release, at)


def _decide(told: RulingRequest) -> Step:
    def step(board: Board, case: Case, who: Member, release: Decider, at: datetime) -> Case:
        ruling = Ruling(told.limit, told.reason, reasons_of(release, told.reasons))
        return board.decide(case, who, release, at, ruling)

    return step


def _confirm(told: ConfirmRequest) -> Step:
    def step(board: Board, case: Case, who: Member, release: Decider, at: datetime) -> Case:
        said = Ruling(None, told.reason, reasons_of(release, told.reasons))
        return board.confirm(case, who, release, at, told.agree, said)

    return step


def _done(worker: Clerk, who: Member, decision_id: str, at: datetime, step: Step) -> ReviewAnswer:
    case = _case(worker, who, decision_id)
    release = in_force(worker, case.decision.portfolio)
    return review_of(step(board(worker), case, who, release, at), release, at)


async def asked(work: Callable[[], T]) -> T:
    """What `work` returns, in a thread; what it raises as the problem it is."""
    try:
        return await asyncio.get_running_loop().run_in_executor(None, work)
    except NoReview:
        raise Problem(404, "there is no such review open to you", at=("path", "decision_id")) from None
    except NotAllowed as error:
        raise Problem(403, str(error)) from None
    except Refused as error:
        raise Problem(409, str(error)) from None
    except TooMuch as error:
        raise Problem(422, str(error), at=("body", "limit")) from None
    except BadReason as error:
        raise Problem(422, str(error), at=("body", "reasons")) from None
    except LogUnavailable:
        detail = "the decision log cannot be read or written; nothing was done; try again"
        raise Problem(503, detail, headers={"retry-after": "1"}) from None


def in_force(worker: Clerk, portfolio: str) -> Decider:
    """The release that a portfolio is served with: its policy says how reviews are decided."""
    served = worker.runtime.get(portfolio)
    if served is None or served.loaded is None:
        raise not_loaded()
    return served.loaded.release


def _case(worker: Clerk, who: Member, decision_id: str) -> Case:
    if not who.reads_reviews:
        raise NotAllowed("expected a reviewer, a risk officer or an auditor")
    case = board(worker).find(decision_id)
    if not who.sees(case.decision.portfolio):
        raise NoReview("the portfolio is not open to this person")
    return case


def _terms(worker: Clerk, who: Partner | Member, portfolio: str | None) -> dict[str, Reviews]:
    if portfolio is not None and not who.sees(portfolio):
        raise Problem(403, "this portfolio is not open to you", at=("query", "portfolio"))
    served = {one.portfolio: one.loaded for one in worker.served() if one.loaded is not None}
    if portfolio is not None and portfolio not in served:
        raise Problem(404, "no such portfolio is served; GET /v1/releases lists them", at=("query", "portfolio"))
    names = [portfolio] if portfolio is not None else [name for name in served if who.sees(name)]
    return {name: served[name].release.policy.reviews for name in names}


def board(worker: Clerk) -> Board:
    """The worker's board of reviews, or the problem that it has none."""
    if worker.reviews is None:
        raise Problem(503, "this service keeps no reviews", headers={"retry-after": "60"})
    return worker.reviews
