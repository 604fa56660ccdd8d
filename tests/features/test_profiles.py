"""Profiles: bins of a reference, and later rows counted on them."""

import math
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.permitted import FeatureColumn
from features.profiles import MISSING, OTHER, Profile, ProfileError, counts, make_profile, reference_counts, shares

NUMBER, NAME = FeatureColumn("x", "v", "float", 1), FeatureColumn("c", "v", "category", 1)
numbers = st.lists(st.one_of(st.none(), st.floats(width=64), st.integers(-3, 3).map(float)), max_size=60)
names = st.lists(st.one_of(st.none(), st.text(max_size=2), st.sampled_from("ab")), max_size=60)


def frame(x: list[float | None], c: list[str | None] | None = None) -> pl.DataFrame:
    return pl.DataFrame({"x": x, "c": c or [None] * len(x)}, schema={"x": pl.Float64, "c": pl.String})


@settings(max_examples=100, deadline=None)
@given(numbers, numbers)
@example([sys.float_info.max], [1.0, sys.float_info.max])  # no number is above it
def test_every_row_is_in_one_bin(reference: list[float | None], later: list[float | None]) -> None:
    profile = make_profile(frame(reference), [NUMBER], bins=5)
    assert counts(profile, frame(reference))["x"].tolist() == reference_counts(profile)["x"].tolist()
    for rows in (reference, later):
        found = counts(profile, frame(rows))["x"]
        assert found.sum() == len(rows)
        assert found[-1] == sum(value is None or not math.isfinite(value) for value in rows)
        assert len(found) == len(profile.columns["x"].labels)
    edges = profile.columns["x"].edges
    for place, low in enumerate(edges):
        high = edges[place + 1] if place + 1 < len(edges) else math.inf
        inside = sum(value is not None and low <= value < high for value in later)
        assert counts(profile, frame(later))["x"][place + 1] == inside


@settings(max_examples=60, deadline=None)
@given(numbers, names)
def test_json_gives_the_profile_back_exactly(x: list[float | None], c: list[str | None]) -> None:
    profile = make_profile(frame(x), [NUMBER]).joined(make_profile(frame([None] * len(c), c), [NAME]))
    again = Profile.model_validate_json(profile.model_dump_json())
    assert again == profile
    assert again.model_dump_json() == profile.model_dump_json()


def test_bins_hold_about_as_many_rows_each() -> None:
    values = np.random.default_rng(0).lognormal(size=1000).tolist()
    found = reference_counts(make_profile(frame(values), [NUMBER]))["x"]
    assert len(found) == 11
    assert found[:-1].min() >= 99
    assert found[:-1].max() <= 101


def test_few_values_have_a_bin_each() -> None:
    profile = make_profile(frame([0.0] * 98 + [1.0] * 2), [NUMBER])
    assert profile.columns["x"].labels == ("under 1", "1 and over", MISSING)
    assert reference_counts(profile)["x"].tolist() == [98, 2, 0]


def test_a_constant_shows_any_change() -> None:
    profile = make_profile(frame([7.0] * 5), [NUMBER])
    assert counts(profile, frame([6.9, 7.0, 7.1, None]))["x"].tolist() == [1, 1, 1, 1]
    empty = make_profile(frame([None, None]), [NUMBER])
    assert counts(empty, frame([1.0, None]))["x"].tolist() == [1, 1]


def test_categories_have_others_and_missing() -> None:
    profile = make_profile(frame([0.0] * 4, ["b", "a", "b", None]), [NAME])
    assert profile.columns["c"].labels == ("a", "b", OTHER, MISSING)
    assert reference_counts(profile)["c"].tolist() == [1, 2, 0, 1]
    assert counts(profile, frame([0.0] * 3, ["z", "a", None]))["c"].tolist() == [1, 0, 1, 1]
    assert shares(reference_counts(profile))["c"].tolist() == [0.25, 0.5, 0, 0.25]


def test_rare_categories_share_a_bin() -> None:
    many = [f"name{place:03}" for place in range(100)] + ["often"] * 5
    profile = make_profile(frame([0.0] * 105, many), [NAME])  # type: ignore[arg-type]
    assert len(profile.columns["c"].labels) == 32
    assert "often" in profile.columns["c"].names
    assert reference_counts(profile)["c"].sum() == 105


def test_faults_are_named() -> None:
    profile = make_profile(frame([1.0]), [NUMBER])
    with pytest.raises(ProfileError, match=r"columns \['x'\] are missing from the frame; it has \['y'\]"):
        counts(profile, pl.DataFrame({"y": [1]}))
    with pytest.raises(ProfileError, match=r"columns \['x'\] are in both"):
        profile.joined(profile)
