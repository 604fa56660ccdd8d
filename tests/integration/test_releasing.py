"""Moving the champion by hand, and what the doctor says of it: on MLflow's store and a real feature store."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows import releasing, trying
from flows.locking import exclusive
from flows.standing import standing
from flows.workspace import Workspace
from infra.settings import Settings
from serving.freshness import StaleFeatures
from serving.gates import GateResult, Promotion
from serving.pointers import CHALLENGER_FAULT, write_fault, write_pointer
from tests.features.store.made_up import portfolio as made_up
from tests.serving.materialized import materialize
from tests.serving.small_releases import build_small
from training.registry import TrialError

pytestmark = pytest.mark.integration

CLOSE = datetime(2026, 2, 1, tzinfo=UTC)
NAME = "small_cards"
BLOCK = GateResult(
    name="calibrated", subject="risk", passed=False, level="block", found="0.2", expected="0.1", why="made up"
)


class House:
    """A home with the portfolio `small_cards`, its registry and its features."""

    def __init__(self, root: Path) -> None:
        folder = root / "portfolios" / NAME
        folder.mkdir(parents=True)
        (folder / "features.yaml").touch()
        self.settings = Settings(home=root / "home", portfolios=folder.parent, replay=True, _env_file=None)
        self.settings.root().mkdir()
        made = made_up(root / "other")
        self.workspace = Workspace(self.settings, type(made)(NAME, folder, made.features))

    def release(self, slope: float, view: str = "behaviour", *results: GateResult) -> str:
        releases = self.settings.releases
        sha = build_small(releases, slope=slope, view=view)
        gates = Promotion(allowed=not results, results=results).model_dump(mode="json")
        as_of = date(2026, 1, 31)
        self.workspace.registry.log_release(NAME, releases / sha, sha, as_of=as_of, gates=gates, runs={})
        return sha

    def materialize(self, view: str, until: datetime | None) -> None:
        registry, online = self.settings.feature_registry_url, self.settings.online_store_url
        materialize(view, until, registry=registry, online=online)

    def damage(self, sha: str) -> None:
        """Cut the release's manifest short, on local disk and in the registry."""
        whole = (self.settings.releases / sha / "manifest.json").read_bytes()
        for path in self.settings.root().rglob("manifest.json"):
            if path.read_bytes() == whole:
                path.write_bytes(whole[:50])

    def champion(self) -> str | None:
        return self.workspace.registry.champion_sha(NAME)

    def told(self) -> dict[str, tuple[str, str]]:
        return {one.what: (one.status, one.found) for one in standing(self.settings)}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path)
    for module in (releasing, trying):
        monkeypatch.setattr(module, "open_workspace", lambda _name: made.workspace)
    return made


def test_the_champion_moves_by_hand_and_the_doctor_tells(house: House) -> None:
    assert house.told() == {"locks": ("ok", "no run holds a portfolio")}
    house.materialize("behaviour", CLOSE)
    house.materialize("spending", None)
    first, kept, stale = house.release(1.0), house.release(1.1, "behaviour", BLOCK), house.release(1.2, "spending")
    assert "no champion yet" in house.told()[f"release of {NAME}"][1]
    releasing.promote_release(NAME, first[:12], "ana", force=False)

    with pytest.raises(releasing.KeptBack, match=r"calibrated: found 0.2, expected 0.1; --force"):
        releasing.promote_release(NAME, kept, "ana", force=False)
    with pytest.raises(StaleFeatures, match="spending was never materialized"):
        releasing.promote_release(NAME, stale, "ana", force=False)
    assert house.champion() == first

    # An emergency waits for no run: a month holds the portfolio all the while.
    with exclusive(house.settings, NAME):
        assert NAME in house.told()["locks"][1]
        releasing.promote_release(NAME, kept, "ana", force=True)
        assert house.champion() == kept
        releasing.roll_back(NAME, "ben")
    assert house.champion() == first
    assert [step.by for step in house.workspace.registry.history(NAME)] == ["ana", "ana (against calibrated)", "ben"]

    write_pointer(house.settings.releases, NAME, stale)
    told = house.told()
    assert told[f"release of {NAME}"][0] == "warn"
    assert told[f"features of {NAME}"] == ("warn", "view spending was never materialized")
    write_pointer(house.settings.releases, NAME, first)
    assert {status for status, _ in house.told().values()} == {"ok"}

    # A champion that nobody can read any more does not hold up the way back.
    releasing.promote_release(NAME, kept, "ana", force=True)
    house.damage(kept)
    releasing.roll_back(NAME, "ben")
    assert house.champion() == first


def test_a_challenger_is_tried_by_hand_and_the_doctor_tells(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.materialize("behaviour", CLOSE)
    house.materialize("spending", None)
    first, kept, stale = house.release(1.0), house.release(1.1, "behaviour", BLOCK), house.release(1.2, "spending")
    with pytest.raises(releasing.KeptBack, match="no champion to stand beside"):
        trying.challenge(NAME, kept, "ana", "why not")
    releasing.promote_release(NAME, first, "ana", force=False)
    assert f"challenger of {NAME}" not in house.told()
    with pytest.raises(releasing.KeptBack, match="is the champion"):
        trying.challenge(NAME, first, "ana", "why not")
    with pytest.raises(StaleFeatures, match="spending was never materialized"):
        trying.challenge(NAME, stale, "ana", "why not")
    with pytest.raises(TrialError, match="has no challenger"):
        trying.start_canary(NAME, 0.05, "ana", "why not", force=False)

    trying.challenge(NAME, kept[:12], "ana", "a gate kept it back; look at it in the shadow")
    assert house.told()[f"challenger of {NAME}"] == ("ok", f"{kept[:12]} is tried in the champion's shadow")
    with pytest.raises(releasing.KeptBack, match="kept back by calibrated; --force lets it answer"):
        trying.start_canary(NAME, 0.05, "ana", "moves few", force=False)
    trying.start_canary(NAME, 0.05, "ana", "moves [few]", force=True)
    assert house.told()[f"challenger of {NAME}"] == ("ok", f"{kept[:12]} answers 5.0% of the customers")
    write_fault(house.settings.releases, NAME, "damaged", CHALLENGER_FAULT)
    assert house.told()[f"challenger of {NAME}"][0] == "warn"
    write_fault(house.settings.releases, NAME, None, CHALLENGER_FAULT)
    trying.stop_canary(NAME, "ben", "enough")
    trying.end_trial(NAME, "ben", "not better")
    capsys.readouterr()
    releasing.show_releases(NAME)
    told = " ".join(capsys.readouterr().out.split())
    assert "canary of 5.0% by ana (against calibrated)" in told
    assert "moves [few]" in told
    assert f"{kept[:12]} trial ended by ben" in told
    assert f"challenger of {NAME}" not in house.told()
