"""Volumes of a month's decisions."""

import polars as pl

from monitoring.indicators import volumes


def test_the_approval_rate_of_reviews_leaves_out_what_a_machine_decided_and_its_applicant_refused() -> None:
    rows = [
        ("review", "approve"), ("review", "decline"), ("review", "expired"), ("review", "review"),
        ("approve", "approve"), ("approve", "decline"), ("decline", "approve"),
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["outcome", "final"], orient="row").with_columns(stale=False, probability=0.5)
    (found,) = [one for one in volumes(frame, kind="risk") if one.name == "review_approval_rate"]
    assert (found.value, found.n) == (1 / 3, 3)
