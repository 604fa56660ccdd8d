"""A points scorecard read from CSV; every fault by line and column."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np

from training.brought.inputs import Wanted
from training.brought.model import BroughtError
from training.brought.points import OTHER, CategoryPoints, NumberPoints, PointsCard, Scale, gaps
from training.inputs import MISSING

COLUMNS = ("feature", "from", "to", "category", "points")
BASE = "(base)"
DOUBLE, ANCHOR, ODDS, BETTER = "(points_to_double_odds)", "(anchor_points)", "(anchor_odds)", "(higher_is_better)"
SETTINGS = (BASE, DOUBLE, ANCHOR, ODDS, BETTER)
LARGEST = float(np.finfo(np.float32).max)
"""Models read numbers as float32."""
EXAMPLE = "feature,from,to,category,points"


@dataclass
class _Bins:
    """The rows of one feature, with their lines."""

    numbers: list[tuple[float, float, float]] = field(default_factory=list)
    categories: dict[str, float] = field(default_factory=dict)
    line: int = 0


@dataclass
class _Reading:
    """What was read so far, and what was wrong with it."""

    settings: dict[str, float] = field(default_factory=dict)
    features: dict[str, _Bins] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_points(content: bytes) -> tuple[PointsCard, list[Wanted]]:
    """The scorecard of a CSV file, and its inputs: numbers first, then categories, each in the order of the file."""
    reading = _Reading()
    for line, row in _rows(content):
        _take(reading, line, row)
    features = [made for name, bins in reading.features.items() for made in _feature(reading, name, bins)]
    scale = _scale(reading)
    if not features and not reading.faults:
        reading.faults.append("1: no feature has points; expected rows such as utilisation,,0.5,,12")
    if reading.faults:
        raise BroughtError("\n".join(reading.faults))
    ordered = sorted(features, key=lambda one: isinstance(one, CategoryPoints))
    if all(len(set(one.every())) == 1 for one in features):
        raise BroughtError("1: every bin of a feature has the same points; expected some that tell customers apart")
    better = reading.settings.get(BETTER, 1.0) != 0
    card = PointsCard(reading.settings.get(BASE, 0.0), tuple(ordered), scale, better)
    return card, [_wanted(one, reading.features[one.name].line) for one in ordered]


def _wanted(one: NumberPoints | CategoryPoints, line: int) -> Wanted:
    return Wanted(one.name, "category" if isinstance(one, CategoryPoints) else "float", f"{line}: ")


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that is not blank, with its line; an unusable header is an error at once."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BroughtError(f"1: is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        unknown = [name for name in header if name not in COLUMNS]
        if unknown or len(set(header)) < len(header) or not {"feature", "points"} <= set(header):
            raise BroughtError(
                f"1: found the columns {header}; expected some of {EXAMPLE}, feature and points among them"
            )
        for row in reader:
            if any(cell.strip() for cell in row):
                if len(row) > len(header):
                    raise BroughtError(
                        f"{reader.line_num}: found {len(row)} fields, expected {len(header)} as in the header"
                    )
                cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
                yield reader.line_num, dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BroughtError(f"{reader.line_num}: is not CSV: {error}") from None


def _take(reading: _Reading, line: int, row: dict[str, str]) -> None:
    """Put one row where it belongs."""
    name = row["feature"]
    points = _number(reading, line, "points", row["points"])
    if not name:
        reading.faults.append(f"{line}: feature: is empty; expected the name of a feature, or {', '.join(SETTINGS)}")
    elif points is None:
        pass
    elif name.startswith("("):
        _set(reading, line, name, points)
    else:
        bins = reading.features.setdefault(name, _Bins(line=line))
        if row["category"]:
            _add_category(reading, line, row, bins, points)
        else:
            _add_number(reading, line, row, bins, points)


def _set(reading: _Reading, line: int, name: str, value: float) -> None:
    if name not in SETTINGS:
        reading.faults.append(f"{line}: feature: found {name!r}; expected a feature, or one of {', '.join(SETTINGS)}")
    elif name in reading.settings:
        reading.faults.append(f"{line}: feature: {name} is stated twice; expected it once")
    else:
        reading.settings[name] = value


def _add_category(reading: _Reading, line: int, row: dict[str, str], bins: _Bins, points: float) -> None:
    name, category = row["feature"], row["category"]
    if row["from"] or row["to"]:
        reading.faults.append(f"{line}: category: {name} has both a category and from or to; expected one of them")
    elif category in bins.categories:
        reading.faults.append(f"{line}: category: {name} has {category!r} in an earlier row too; expected it once")
    else:
        bins.categories[category] = points


def _add_number(reading: _Reading, line: int, row: dict[str, str], bins: _Bins, points: float) -> None:
    low = _number(reading, line, "from", row["from"], empty=-inf)
    high = _number(reading, line, "to", row["to"], empty=inf)
    if low is None or high is None:
        return
    if np.float32(low) >= np.float32(high):
        reading.faults.append(
            f"{line}: to: the bin is empty: from {low:g} to {high:g}; expected to above from, as float32"
        )
    else:
        bins.numbers.append((low, high, points))


def _feature(reading: _Reading, name: str, bins: _Bins) -> Iterator[NumberPoints | CategoryPoints]:
    """The bins of one feature put together, when they cover every value once."""
    faults = [*_uncovered(bins)]
    reading.faults += [f"{bins.line}: {name}: {fault}" for fault in faults]
    if faults:
        return
    if bins.numbers:
        ordered = sorted(bins.numbers)
        edges = tuple(low for low, _, _ in ordered[1:])
        yield NumberPoints(name, edges, tuple(points for _, _, points in ordered), bins.categories[MISSING])
    else:
        listed = {word: points for word, points in bins.categories.items() if word != OTHER}
        yield CategoryPoints(name, listed, bins.categories[OTHER])


def _uncovered(bins: _Bins) -> Iterator[str]:
    if MISSING not in bins.categories:
        yield f"no row says what a missing value is worth; add one with category {MISSING}"
    if not bins.numbers:
        if OTHER not in bins.categories:
            yield f"no row says what a category that is not listed is worth; add one with category {OTHER}"
        return
    if words := sorted(set(bins.categories) - {MISSING}):
        yield f"has bins of numbers and the categories {words}; expected one kind"
    yield from gaps([(low, high) for low, high, _ in bins.numbers])


def _scale(reading: _Reading) -> Scale | None:
    stated = [name for name in (DOUBLE, ANCHOR, ODDS) if name in reading.settings]
    if not stated:
        return None
    absent = [name for name in (DOUBLE, ANCHOR, ODDS) if name not in stated]
    if absent:
        found, missing = ", ".join(stated), ", ".join(absent)
        reading.faults.append(
            f"1: {found} without {missing}; expected all three, or none: then the data tell the scale"
        )
        return None
    double, anchor, odds = (reading.settings[name] for name in (DOUBLE, ANCHOR, ODDS))
    if BETTER in reading.settings:
        reading.faults.append(
            f"1: {BETTER} beside a scale; expected one of them: a scale has its direction in its sign"
        )
        return None
    if double == 0 or odds <= 0:
        expected = "points other than 0 (negative: more points are worse), and odds above 0"
        reading.faults.append(f"1: {DOUBLE} is {double:g} and {ODDS} {odds:g}; expected {expected}")
        return None
    return Scale(double, anchor, odds)


def _number(reading: _Reading, line: int, column: str, text: str, empty: float | None = None) -> float | None:
    if not text and empty is not None:
        return empty
    try:
        value = float(text)
    except ValueError:
        value = inf
    if not abs(value) <= LARGEST:
        reading.faults.append(
            f"{line}: {column}: found {text!r}; expected a number{'' if empty is None else ', or nothing for no bound'}"
        )
        return None
    return value
