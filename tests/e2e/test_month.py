import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from infra.processes import free_port
from tests.e2e.small_lender import EXAMPLE, NAME, Lender, has_release

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.timeout(1200)]
LATER = ("run", "month", "--portfolio", NAME, "--as-of", "2024-12-31")
MONTH = ("run", "month", "--portfolio", NAME, "--as-of", "2024-11-30")
NOON = "2024-12-31T12:00:00Z"


@dataclass(frozen=True)
class Lenders:
    """Two with the same portfolio: the month of one ran once, undisturbed, that of the other was killed.

    Where most is half done: features and a trained model are there, its release is hardly registered. The other points
    to kill a month at are in tests/faults, for `make faults`.
    """

    calm: Lender
    killed: Lender
    ended: "Future[str]"
    """The run that ends the killed month."""


@pytest.fixture(scope="module")
def lenders(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Iterator[Lenders]:
    """Both run side by side: most of a month so small is imports, on one core. Their services run."""
    calm, killed = (Lender(tmp_path_factory.mktemp(name), prefect_url, free_port()) for name in ("calm", "killed"))
    calm.make_portfolio()
    killed.copy_from(calm, "portfolios")
    try:
        with ThreadPoolExecutor(2) as both:
            undisturbed = both.submit(calm.type, *MONTH)
            killed.kill_when(has_release, *MONTH)
            undisturbed.result()
            killed.copy_from(calm, "home/bentos")  # the same code: building it again would only take time
            yield Lenders(calm, killed, both.submit(killed.type, *MONTH))
    finally:
        for lender in (calm, killed):
            lender.stop()


@pytest.fixture(scope="module")
def lender(lenders: Lenders) -> Lender:
    """The lender whose month was run undisturbed."""
    return lenders.calm


@pytest.fixture(scope="module")
def once(lender: Lender) -> dict[str, object]:
    """What the month left when it was run for the first time."""
    return lender.state()


def test_what_is_compared_is_not_nothing(once: dict[str, object]) -> None:
    assert all(once[part] for part in once if part != "pauses")
    assert once["decisions"]["valid"]  # type: ignore[index]
    assert once["decisions"]["records"]  # type: ignore[index]


def test_a_month_run_again_after_a_later_one_changes_nothing(lender: Lender, once: dict[str, object]) -> None:
    lender.type(*LATER)
    before = lender.state()
    assert before != once
    reports = written(lender)
    assert reports
    lender.type(*MONTH)
    assert lender.state() == before
    assert written(lender) == reports  # each stands as it was: none is drawn again


def written(lender: Lender) -> dict[str, int]:
    """When each report was written."""
    return {path.name: path.stat().st_mtime_ns for path in (lender.home / "reports").rglob("*.html")}


def test_a_month_that_is_killed_ends_the_same_when_it_is_run_again(lenders: Lenders, once: dict[str, object]) -> None:
    lenders.ended.result()
    for part, content in lenders.killed.state().items():
        assert content == once[part], part


def test_a_month_serves_a_decision_that_is_explained_and_logged(lender: Lender) -> None:
    customer = pl.read_csv(EXAMPLE, infer_schema=False).filter(pl.col("Applied on").str.ends_with("12/2024"))
    body = {"entity_id": customer["Application No"][0], "amount": 500}
    printed = lender.type("partner", "add", "shop", "--portfolios", NAME)
    bearer = {"Authorization": f"Bearer {re.search(r'^ll_[0-9a-f_]+$', printed, re.MULTILINE)[0]}"}  # type: ignore[index]
    example = subprocess.run([sys.executable, "-c", printed.partition("Python:")[2]], capture_output=True, check=True)
    assert b"'outcome': 'review'" in example.stdout
    headers = bearer | {"Lendloop-Decision-Time": NOON, "Idempotency-Key": "e2e-1"}
    address = f"{lender.url}/v1/portfolios/{NAME}/decisions"
    first = httpx.post(address, json=body, headers=headers).raise_for_status().json()
    assert first["outcome"] in ("approve", "review", "decline")
    assert 0 <= first["score"] <= 100
    assert first["outcome"] == "approve" or first["reasons"]
    assert httpx.post(address, json=body, headers=headers).json() == first
    assert "✓" in lender.type("log", "verify")
    facts = json.loads(lender.type("why", first["decision_id"], "--json"))
    assert facts["score"]["again"] is True
    assert facts["score"]["sum"] == pytest.approx(first["score"], abs=1e-9)
    assert facts["models"][0]["rows"] > 0
    (view,) = facts["sources"]["views"].values()
    assert view["row"]["differs"] == []
    assert view["rows"][-1]["values"]
    assert all(file["unchanged"] for file in facts["sources"]["raw"]["files"])
    problem = httpx.post(address, json={**body, "amount": -1}, headers=bearer)
    assert problem.status_code == 422
    assert problem.headers["content-type"] == "application/problem+json"
    assert "amount" in problem.text


def test_its_report_is_there_for_people_and_for_machines(lender: Lender) -> None:
    assert "2024-11-30" in lender.type("report", "list")
    (facts,) = (lender.home / "reports").rglob("2024-11-30-*.json")
    assert json.loads(facts.read_text())["portfolio"] == NAME
    assert facts.with_suffix(".html").stat().st_size > 10_000


def test_rubbish_is_refused_with_a_message(lender: Lender) -> None:
    refused = {
        ("run", "month", "--portfolio", "nobody", "--as-of", "2024-11-30"): "no portfolio",
        ("run", "retrain", "--portfolio", NAME, "--as-of", "2024-01-05"): "outcomes",
        ("release", "show", NAME, "ffff"): "no release begins with",
        ("decide", "absent.csv", "--portfolio", NAME): "no such file",
        ("why", "1"): "no decision id",
        ("why", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10"): "no such decision",
    }
    for words, told in refused.items():
        assert told in lender.refused(*words), words


def test_a_broken_file_of_the_portfolio_is_refused_with_a_message(lender: Lender) -> None:
    features = lender.root / "portfolios" / NAME / "features.yaml"
    whole = features.read_text()
    try:
        features.write_text(whole.replace("freshness:", "freshnes:"))
        assert "features.yaml:" in lender.refused("run", "ingest", "--portfolio", NAME, "--as-of", "2024-11-30")
    finally:
        features.write_text(whole)


@pytest.fixture(scope="module")
def type_in(lender: Lender) -> Callable[..., str]:
    """Commands typed where the lender's two releases and some decisions are; in this process, which is quicker."""
    environment = lender.environment()

    def typed(*words: str, code: int = 0) -> str:
        found = CliRunner().invoke(app, list(words), env=environment)
        assert found.exit_code == code, f"{words}: {found.output} {found.exception!r}"
        return found.stdout

    if len(releases(lender)) < 2:
        lender.type(*LATER)
    applications = pl.read_csv(EXAMPLE, infer_schema=False).filter(pl.col("Applied on").str.ends_with("12/2024"))
    asked = applications.head(60).select(entity_id="Application No", amount=pl.col("Amount").cast(pl.Float64))
    asked.write_csv(lender.root / "applications.csv")
    typed("decide", str(lender.root / "applications.csv"), "-p", NAME, "--at", NOON)
    return typed


def releases(lender: Lender) -> list[str]:
    """Those that were champion, the first one first."""
    return list(dict.fromkeys(sha for _, _, sha, *_ in lender.state()["steps"]))  # type: ignore[attr-defined]


def test_a_changed_policy_is_simulated_over_logged_decisions(lender: Lender, type_in: Callable[..., str]) -> None:
    policy = (lender.root / "portfolios" / NAME / "policy.yaml").read_text()
    stricter = lender.root / "stricter.yaml"
    grades, higher = "{A: 85, B: 75, C: 67, D: 60}", "{A: 95, B: 93, C: 91, D: 90}"
    stricter.write_text(policy.replace("review_below: 60", "review_below: 90").replace(grades, higher))
    out = lender.root / "simulated.md"
    told = type_in("policy", "simulate", NAME, str(stricter), "--out", str(out))
    assert re.search(r"\| approve +\| review +\| +[1-9]", told)
    assert not re.search(r"\| review +\| approve ", told)  # nobody gains by a stricter one
    assert "**By amount**" in told
    assert "**By sex**" in told
    assert out.read_text().strip() == told.strip()
    same = type_in("policy", "simulate", NAME, str(lender.root / "portfolios" / NAME / "policy.yaml"))
    assert "0 move (0.0%)" in same


def test_two_releases_are_compared_for_a_pull_request(lender: Lender, type_in: Callable[..., str]) -> None:
    before, after = releases(lender)
    told = type_in("release", "diff", NAME, before[:12], after[:12])
    assert f"release `{before[:12]}` → `{after[:12]}`" in told
    assert "`models/risk/model.cbm`" in told
    assert re.search(r"\| AUC \(95 %\) +\| +0\.\d{4} .*0\.\d{4}", told)
    assert re.search(r"\d+ decisions, \d+ move", told)
    assert "No component differs" in type_in("release", "diff", NAME, before, before)


def test_a_cut_off_is_chosen_from_the_profit_curve(lender: Lender, type_in: Callable[..., str]) -> None:
    told = type_in("policy", "choose-cutoff", NAME, "--margin", "100", "--loss", "500")
    assert "break-even is PD 0.1667" in told
    assert re.search(r"\*\*Recommended: \d+\*\*", told)
    assert (lender.home / "reports" / NAME / "cut-off-out-of-fold.png").read_bytes().startswith(b"\x89PNG")
    held_out = type_in("policy", "choose-cutoff", NAME, "--margin", "9", "--loss", "1", "--rows", "held-out")
    assert "held-out rows" in held_out
    type_in("policy", "choose-cutoff", NAME, "--margin", "-1", "--loss", "1", code=1)


def test_decisions_are_made_again_bit_for_bit_or_by_another_release(
    lender: Lender, type_in: Callable[..., str]
) -> None:
    again = type_in("decision", "replay", "-p", NAME, "--since", "2024-12-01T00:00:00Z")
    made, differing = re.search(r"^([\d,]+) the same, (\d+) differ, 0 erased", again, re.MULTILINE).groups()  # type: ignore[union-attr]
    assert int(made) >= 60
    assert differing == "0"
    assert "0 the same, 0 differ" in type_in("decision", "replay", "-p", NAME, "--until", "2001-01-01T00:00:00Z")
    other = type_in("decision", "replay", "-p", NAME, "--release", releases(lender)[0][:12])
    assert int(re.search(r"([\d,]+) differ", other)[1]) > 0  # type: ignore[index]
    assert "score: " in other
