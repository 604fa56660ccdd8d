"""An applicant refuses to have been decided on by a machine: the partner that asked for the decision passes it on."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI, Request
from fastapi.responses import Response

from serving.api.bodies import checked, read_json
from serving.api.deciding import LONGEST_KEY, decision_time, idempotency_key
from serving.api.described import TIME, body_of, key_parameter
from serving.api.gate import SECURED, caller, json_response, present
from serving.api.problems import Problem, documented
from serving.api.reading import DecisionId, own_decision
from serving.api.review_schemas import RefusalRequest
from serving.api.reviews import asked, board, in_force
from serving.api.schemas import ReviewedAnswer
from serving.clerk import Clerk
from serving.log.record import Record
from serving.reviews.answers import reviewed

_EXTRA = {
    **SECURED,
    "parameters": [key_parameter(LONGEST_KEY), TIME],
    "requestBody": body_of(RefusalRequest, required=False),
}


def add_refusals(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the route by which a decision is left to people after it was made."""

    @app.post(
        "/v1/decisions/{decision_id}/refusal",
        response_model=ReviewedAnswer,
        responses=documented(400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra=_EXTRA,
    )
    async def refuse_decision(request: Request, decision_id: DecisionId) -> Response:
        """Have a person decide what a machine decided, because the applicant asks for it.

        Done again it changes nothing and gives the same answer; `GET /v1/decisions/{decision_id}` says how the review
        stands.
        """
        worker = present(clerk())
        key, at = idempotency_key(request, LONGEST_KEY), decision_time(request, worker.replay)
        body = await request.body()
        told = checked(RefusalRequest, read_json(body)) if body else RefusalRequest()
        record = await own_decision(request, worker, decision_id, "decide")
        if record.kind == "propensity":
            detail = "whether to contact somebody is nothing that people review; to end it, record with "
            raise Problem(409, detail + "PUT /v1/consents/{entity} that consent to marketing is withdrawn")
        partner = caller(request)
        if key is not None:
            await worker.claim(partner.name, key, ["refusal", decision_id, told.model_dump()])
        reason = told.reason or ""
        return json_response(await asked(lambda: _refused(worker, record, partner.actor, at, reason)))


def _refused(worker: Clerk, record: Record, by: str, at: datetime, reason: str) -> ReviewedAnswer:
    release = in_force(worker, record.portfolio)
    case = board(worker).refuse(record, by, release, at, reason).as_refused()
    if not case.acts:  # erased in the moment since it was read: to the caller it never was
        raise Problem(404, "there is no such decision")
    # As it stood then: whoever asks again gets the same answer, whatever people have made of it since.
    return reviewed(case, release.policy.reviews, case.acts[-1].at)
