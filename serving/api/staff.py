"""Staff sign in: the password of a local account against a session of an hour."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.bodies import checked, read_json
from serving.api.gate import LOGIN, STAFF_ONLY, member, present
from serving.api.problems import Problem, documented
from serving.clerk import Clerk
from serving.desk import now
from serving.log.database import LogUnavailable
from serving.partners.partner import Limited, Quota
from serving.staff.member import NAME_PATTERN, Member, Role
from serving.staff.passwords import LONGEST
from serving.staff.reception import NotSignedIn, Reception, SignedIn

T = TypeVar("T")
ATTEMPTS = Limited("staff:sign in", Quota(60, 60), 1)
"""Of everyone together: guessing at many names must not take the machine from those who decide."""


class LoginRequest(BaseModel):
    """Name and password of a local account."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"name": "ann", "password": "correct horse battery staple"}]},
    )

    name: str = Field(pattern=f"^{NAME_PATTERN}$", strict=True)
    password: Annotated[str, Field(min_length=1, max_length=LONGEST, strict=True, repr=False)]


class SessionAnswer(BaseModel):
    """A session, to be sent as `Authorization: Bearer …`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "eyJ…",
                    "expires_in": 3600,
                    "name": "ann",
                    "roles": ["reviewer"],
                    "portfolios": ["taiwan_cards"],
                }
            ]
        }
    )

    token: str
    expires_in: int = Field(description="seconds")
    name: str
    roles: list[Role]
    portfolios: list[str] = Field(description="*: all")


class MemberAnswer(BaseModel):
    """Who you are, as the platform knows you now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ann", "roles": ["reviewer"], "portfolios": ["taiwan_cards"]}]}
    )

    name: str
    roles: list[Role]
    portfolios: list[str]


def add_staff(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the routes by which staff come in."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/LoginRequest"}}}

    @app.post(
        LOGIN,
        response_model=SessionAnswer,
        responses=documented(400, 401, 405, 408, 413, 415, 422, 429, 500, 503),
        tags=["v1"],
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def login(request: Request) -> Response:
        """Give a session for the password of a local account."""
        worker = present(clerk())
        told, reception = checked(LoginRequest, read_json(await request.body())), reception_of(worker)
        if (wait := await worker.limits.quotas.take(ATTEMPTS, time.time())) is not None:
            raise Problem(429, "too many people sign in; try again", headers={"retry-after": str(wait)})
        async with worker.signing_in:
            return session_response(await signed_in(lambda: reception.sign_in(told.name, told.password, now())))

    @app.get(
        "/v1/staff/me",
        response_model=MemberAnswer,
        responses=documented(401, 403, 405, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra=STAFF_ONLY,
    )
    async def me(request: Request) -> Response:
        """Say who you are."""
        return Response(MemberAnswer(**_described(member(request))).model_dump_json(), media_type="application/json")


def reception_of(worker: Clerk) -> Reception:
    """The worker's reception, or the problem that it has none."""
    if worker.staff is None:
        raise Problem(503, "this service knows no staff", headers={"retry-after": "60"})
    return worker.staff


async def signed_in(work: Callable[[], T]) -> T:
    """What `work` returns, in a thread, or the problem that nobody was let in."""
    try:
        return await asyncio.get_running_loop().run_in_executor(None, work)
    except NotSignedIn as error:
        raise Problem(401, str(error), headers={"www-authenticate": "Bearer"}) from None
    except LogUnavailable:
        raise Problem(503, "the staff cannot be looked up; try again", headers={"retry-after": "1"}) from None


def session_response(found: SignedIn) -> Response:
    """The answer with a session, which no cache may keep."""
    answer = SessionAnswer(token=found.token, expires_in=found.seconds, **_described(found.member))
    return Response(answer.model_dump_json(), media_type="application/json", headers={"cache-control": "no-store"})


def _described(found: Member) -> dict[str, list[str] | str]:
    return {"name": found.name, "roles": sorted(found.roles), "portfolios": sorted(found.portfolios)}
