"""What a partner may know of itself: its scopes, portfolios and limits."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.gate import SECURED, caller, json_response, present
from serving.api.problems import documented
from serving.clerk import Clerk


class PartnerAnswer(BaseModel):
    """A partner as the service knows it; its keys are nowhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "shop",
                    "scopes": ["decide", "read"],
                    "portfolios": ["taiwan_cards"],
                    "quota": "100/s",
                    "concurrency": 50,
                }
            ]
        }
    )

    name: str
    scopes: list[str] = Field(description="what it may ask for")
    portfolios: list[str] = Field(description="those open to it; *: all")
    quota: str = Field(description="requests in each window of a second (s), minute (m), hour (h) or day (d)")
    concurrency: int = Field(ge=1, description="requests at once")


def add_partners(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the route by which a partner sees itself."""

    @app.get(
        "/v1/partners/me",
        response_model=PartnerAnswer,
        responses=documented(401, 405, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def read_me(request: Request) -> Response:
        """Say who you are to the service, and what is open to you: a first request to try a key with."""
        present(clerk())
        partner = caller(request)
        return json_response(
            PartnerAnswer(
                name=partner.name,
                scopes=sorted(partner.scopes),
                portfolios=sorted(partner.portfolios),
                quota=str(partner.quota),
                concurrency=partner.concurrency,
            )
        )
