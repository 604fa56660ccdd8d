"""Made-up flat files as lenders send them."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flows.onboarding.request import Request

ROWS = 3000


def nasty(rows: int = ROWS, seed: int = 1) -> pl.DataFrame:
    """Every oddity at once; only `Annual Income ($)` and `select` bear on the label."""
    draw = np.random.default_rng(seed)
    days = np.datetime64("2022-01-01") + draw.integers(0, 365, rows).astype("timedelta64[D]")
    income, letter = draw.lognormal(10, 0.5, rows).round(2), draw.choice(["a", "b", "c"], rows)
    event = draw.random(rows) < 1 / (1 + np.exp(1.2 + 1.5 * (np.log(income) - 10) - 1.5 * (letter == "a")))
    later = [
        str(day + np.timedelta64(int(gap), "D")) for day, gap in zip(days, draw.integers(1, 300, rows), strict=True)
    ]
    before = [
        str(day - np.timedelta64(int(gap), "D")) for day, gap in zip(days, draw.integers(1, 300, rows), strict=True)
    ]
    thin = [None if gap < 0.3 else str(gap) for gap in draw.random(rows)]
    columns: list[tuple[str, Any]] = [
        ("Customer ID", draw.permutation(rows) + 1000),
        ("app.date", [str(day) for day in days]),
        ("Annual Income ($)", [f"{value:,.2f}" for value in income]),
        ("", draw.integers(0, 5, rows)),
        ("select", letter),
        ("2nd income", thin),
        ("性别", draw.choice(["男", "女"], rows)),
        ("Age (years)", draw.integers(18, 80, rows)),
        ("贷款用途", draw.choice(["车", "房", "学"], rows)),
        ("employer", [f"emp {number % 2000}" for number in draw.zipf(1.5, rows)]),
        ("notes", [f"free text {number}" for number in range(rows)]),
        ("closed date", later),
        ("opened", before),
        ("recovered", np.where(event, draw.random(rows) + 1, 0.0)),
        ("const", ["x"] * rows),
        ("empty", [None] * rows),
        ("email", [f"u{number}@example.org" for number in range(rows)]),
        ("has card", draw.choice(["yes", "no"], rows)),
        ("Select", draw.normal(size=rows)),
        ("zip", [f"{number:05d}" for number in draw.integers(0, 40, rows)]),
        ("SELECT", draw.integers(0, 1000, rows)),
        ("default", np.where(event, "Charged Off", "Fully Paid")),
    ]
    return pl.DataFrame({f"{place}": values for place, (_, values) in enumerate(columns)}, strict=False).pipe(
        _headed, [header for header, _ in columns]
    )


def plain(rows: int = ROWS, **columns: Any) -> pl.DataFrame:
    """A small honest file: id, day, x (bears on the label), bad; `columns` replace or add."""
    draw = np.random.default_rng(7)
    days = np.datetime64("2023-01-01") + draw.integers(0, 270, rows).astype("timedelta64[D]")
    x = draw.normal(size=rows)
    bad = (draw.random(rows) < 1 / (1 + np.exp(1.5 - x))).astype(int)
    found = {"id": np.arange(rows) + 1, "day": [str(day) for day in days], "x": x, "bad": bad}
    return pl.DataFrame(found | columns, strict=False)


def write(frame: pl.DataFrame, path: Path, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write `frame` as delimited text; headers may repeat."""
    header = [name.split("\0")[0] for name in frame.columns]
    body = frame.write_csv(include_header=False, separator=separator)
    path.write_bytes((separator.join(header) + "\n" + body).encode(encoding))
    return path


def asked(source: Path, **changes: Any) -> Request:
    """A request for a file of `plain`."""
    usual: dict[str, Any] = {"name": "made_up", "source": source, "id": "id", "time": "day", "label": "bad"}
    return Request(**(usual | changes))


def _headed(frame: pl.DataFrame, headers: list[str]) -> pl.DataFrame:
    # A frame's names are distinct; what follows a NUL is not written.
    return frame.rename({old: f"{header}\0{old}" for old, header in zip(frame.columns, headers, strict=True)})
