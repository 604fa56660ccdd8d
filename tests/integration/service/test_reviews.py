"""Reviews on the service as it is deployed: two workers, a real log, real passwords."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from serving.log.decision_log import open_log
from serving.staff.book import open_staff
from serving.staff.member import make_member
from serving.staff.passwords import Passwords
from tests.serving.deployed import Deployed

pytestmark = pytest.mark.integration
PASSWORD = "correct horse battery"
NOBODY = 77  # without features there is no score: two people must approve


def test_a_review_is_taken_by_one_of_many_and_approved_by_two(deployed: Deployed) -> None:
    url, people = deployed.launch.url, ("ann", "bob", "eve", "kim")
    log = open_log(deployed.launch.decision_log, deployed.launch.log_keys())
    book = open_staff(deployed.launch.decision_log, log)
    hashed = Passwords().make("somebody", PASSWORD)
    for name in people:
        book.add(make_member(name, "reviewer", "*"), by="root", at=datetime.now(UTC), password=hashed)

    def session(name: str) -> dict[str, str]:
        answer = httpx.post(f"{url}/v1/staff/login", json={"name": name, "password": PASSWORD}, timeout=60)
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}

    sessions = {name: session(name) for name in people}
    decision = deployed.ask(NOBODY, amount=100).json()["decision_id"]
    # The platform's own checks are nobody's review; a partner's are.
    refused = httpx.get(f"{url}/v1/reviews/{decision}", headers=sessions["ann"], timeout=60)
    assert refused.status_code == 404

    key = deployed.partner("bank")
    answer = httpx.post(
        f"{url}/v1/portfolios/small_cards/decisions", json={"entity_id": NOBODY, "amount": 100}, headers=key, timeout=10
    ).json()
    place = f"{url}/v1/reviews/{answer['decision_id']}"
    with ThreadPoolExecutor(8) as crowd:
        claims = crowd.map(lambda name: httpx.post(f"{place}/claim", headers=sessions[name], timeout=60), people * 4)
        assert Counter(claim.status_code for claim in claims) == {200: 1, 409: 15}
    holder = httpx.get(place, headers=sessions["ann"], timeout=60).json()["holder"]
    body = {"outcome": "approve", "limit": 100, "reason": "payslips seen"}
    first = httpx.post(f"{place}/decide", json=body, headers=sessions[holder], timeout=60).json()
    assert first["state"] == "confirming"
    others = [name for name in people if name != holder]
    confirm = {"agree": True, "reason": "the same conclusion"}
    with ThreadPoolExecutor(8) as crowd:
        found = crowd.map(
            lambda name: httpx.post(f"{place}/confirm", json=confirm, headers=sessions[name], timeout=60), others * 4
        )
        assert Counter(one.status_code for one in found) == {200: 1, 409: 11}
    told = httpx.get(f"{url}/v1/decisions/{answer['decision_id']}", headers=key, timeout=60).json()
    assert (told["review"]["state"], told["review"]["limit"]) == ("approved", 100)
    counted = 'lendloop_requests_total{method="POST",route="/v1/reviews/{decision_id}/claim",status="200"}'
    assert deployed.counted(counted) == 1
    assert log.verify().valid
    book.close()
    log.close()
