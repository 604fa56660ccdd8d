import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from features.permitted import FeatureColumn
from features.profiles import make_profile
from features.spec import Entity
from serving.decide import Applications, Context, decide, frame_rows
from serving.release import (
    MANIFEST,
    Manifest,
    ModelParts,
    ReleaseCorrupt,
    ReleaseError,
    ReleaseMissing,
    build_release,
    changed_components,
    load_release,
    read_manifest,
    verify_release,
)
from tests.serving.lender import COLUMNS, NUMERIC, POLICY, customers, fit, policy
from training.boosted import load_boosted
from training.score import Calibration

ENTITY = Entity(name="customer", key="customer_id", type="int", meaning="a customer")
MIXED = (COLUMNS[4], COLUMNS[0], COLUMNS[5], *COLUMNS[1:4])


def parts(columns: tuple[FeatureColumn, ...] = COLUMNS, **changed) -> ModelParts:
    frame = customers(400).with_columns(probability=pl.Series(np.linspace(0, 1, 400)))
    output = FeatureColumn("probability", "", "float", 1)
    given = {
        "kind": "risk",
        "label": "late next month",
        "cbm": fit(tuple(sorted(columns, key=lambda column: column.dtype == "category"))),
        "calibration": Calibration(slope=0.9, intercept=0.2),
        "columns": columns,
        "profile": make_profile(frame, [*columns, output]),
    }
    return ModelParts(**(given | changed))


def build(releases, **changed) -> Manifest:
    given = {
        "portfolio": "cards",
        "as_of": date(2005, 9, 30),
        "entity": ENTITY,
        "policy": policy(),
        "models": {"risk": parts(), "propensity": parts(kind="propensity")},
        "sources": {"features.yaml": "0" * 64},
    }
    return build_release(releases, **(given | changed))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / build(tmp_path).sha


def test_a_release_is_the_folder_named_by_its_manifest(tmp_path, folder):
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads((folder / MANIFEST).read_text())
    assert found == {MANIFEST, *manifest["components"]}
    assert set(manifest) == {"schema", "portfolio", "as_of", "components"}
    assert {"features.json", "policy.json", "profile.json", "models/risk/model.cbm"} < found
    assert read_manifest(folder).sha == folder.name


def test_the_same_parts_make_the_same_release(tmp_path, folder):
    elsewhere = tmp_path / "elsewhere"
    assert build(elsewhere).sha == folder.name
    for path in folder.rglob("*.json"):
        assert (elsewhere / folder.name / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_building_again_keeps_the_folder(tmp_path, folder):
    before = (folder / MANIFEST).stat().st_mtime_ns
    build(tmp_path)
    assert (folder / MANIFEST).stat().st_mtime_ns == before


def test_a_spoiled_folder_is_built_anew(tmp_path, folder):
    (folder / "policy.json").write_text("{}")
    build(tmp_path)
    assert verify_release(folder).sha == folder.name


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_release_scores_as_training_did(folder):
    loaded = load_release(folder)
    assert loaded.sha == folder.name
    assert loaded.portfolio == "cards"
    frame = customers(200, seed=3)
    expected = Calibration(slope=0.9, intercept=0.2).log_odds(load_boosted(fit(COLUMNS), COLUMNS).log_odds(frame))
    decisions = decide(
        loaded,
        Applications(np.full(200, np.nan)),
        frame_rows(frame, loaded.models["risk"].columns),
        Context(np.zeros(200, dtype=bool)),
    )
    np.testing.assert_allclose(decisions.score, policy().risk.scale.score(expected), rtol=0, atol=1e-9)
    assert decisions.release == loaded.sha
    assert loaded.profiles["risk"].columns["probability"].dtype == "float"
    assert loaded.policy == policy()


def test_features_are_stored_in_the_order_the_model_reads(tmp_path):
    manifest = build(tmp_path, models={"risk": parts(MIXED), "propensity": parts(MIXED, kind="propensity")})
    loaded = load_release(tmp_path / manifest.sha)
    assert [column.name for column in loaded.models["risk"].columns][-2:] == ["job", "channel"]
    assert loaded.features.columns == loaded.models["risk"].columns
    info = json.loads((tmp_path / manifest.sha / "models/risk/model.json").read_text())
    assert info["categorical"] == ["job", "channel"]


@pytest.mark.parametrize(
    "name",
    ["policy.json", "features.json", "profile.json", "models/risk/model.cbm", "models/propensity/calibration.json"],
)
def test_a_changed_component_is_found(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ReleaseCorrupt, match=f"{name}: digest"):
        load_release(folder)


def test_an_absent_component_is_found(folder):
    (folder / "policy.json").unlink()
    with pytest.raises(ReleaseCorrupt, match=r"policy\.json: cannot be read"):
        load_release(folder)


def test_a_manifest_of_another_release_is_found(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"portfolio": "loans"}))
    with pytest.raises(ReleaseCorrupt, match="expected the folder's name"):
        load_release(folder)


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path, folder):
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["components"]["../secret"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ReleaseCorrupt, match="not a release manifest"):
        load_release(folder)


def test_a_folder_without_a_release_says_so(tmp_path):
    with pytest.raises(ReleaseMissing, match=r"manifest\.json: no such file"):
        load_release(tmp_path / "none")


def test_a_document_of_another_version_is_refused(tmp_path, folder):
    unknown = json.dumps({"slope": 1, "intercept": 0, "knots": []}).encode()
    (folder / "models/risk/calibration.json").write_bytes(unknown)
    manifest = json.loads((folder / MANIFEST).read_text())
    import hashlib

    manifest["components"]["models/risk/calibration.json"] = hashlib.sha256(unknown).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    folder.rename(tmp_path / "current")
    with pytest.raises(ReleaseCorrupt, match=r"knots: .*another version"):
        load_release(tmp_path / "current")


def test_what_is_no_model_is_refused(tmp_path):
    manifest = build(tmp_path, models={"risk": parts(cbm=b"not a model"), "propensity": parts(kind="propensity")})
    with pytest.raises(ReleaseCorrupt, match=r"model\.cbm: CatBoost cannot load it"):
        load_release(tmp_path / manifest.sha)


def test_a_model_of_other_features_is_refused(tmp_path):
    models = {"risk": parts(cbm=fit(NUMERIC)), "propensity": parts(kind="propensity")}
    manifest = build(tmp_path, models=models)
    with pytest.raises(ReleaseCorrupt, match="its features are"):
        load_release(tmp_path / manifest.sha)


def test_a_policy_whose_rules_cannot_be_answered_is_refused(tmp_path):
    unchecked = POLICY.replace("feature.late_streak >= 7", "feature.late_streaks >= 7")
    models = {"risk": parts(), "propensity": parts(kind="propensity")}
    made = build_release(
        tmp_path, portfolio="cards", as_of=date(2026, 1, 31), entity=ENTITY, policy=policy(unchecked), models=models
    )
    with pytest.raises(ReleaseCorrupt, match=r"risk\.rules\.0\.when: rule VERY_LATE: .*late_streaks"):
        load_release(tmp_path / made.sha)


def test_models_and_policy_must_fit(tmp_path):
    with pytest.raises(ReleaseError, match=r"decides by \['propensity', 'risk'\]; found models \['risk'\]"):
        build(tmp_path, models={"risk": parts()})
    with pytest.raises(ReleaseError, match="model 'propensity' is a risk model"):
        build(tmp_path, models={"risk": parts(), "propensity": parts()})


def test_changed_components_are_those_that_differ(tmp_path):
    first = build(tmp_path)
    section = policy().risk.model_copy(update={"decline_below": 20.0})
    second = build(tmp_path, policy=policy().model_copy(update={"risk": section}))
    third = build(tmp_path, models={"risk": parts(calibration=Calibration()), "propensity": parts(kind="propensity")})
    assert changed_components(first, first) == frozenset()
    assert changed_components(first, second) == {"policy.json"}
    assert changed_components(first, third) == {"models/risk/calibration.json"}
    assert changed_components(None, first) == set(first.components)
