"""What a month's report says, as a model-risk officer asks: verdict, quality, stability, fairness, volumes."""

from collections.abc import Callable, Iterator

from monitoring.facts import MonthFacts
from monitoring.reports import charts
from monitoring.reports.alarms import alert_rows, level_grid, watch_of
from monitoring.reports.section import HALF, Section, chart, counters, table, text
from monitoring.reports.trial import trial_sections
from monitoring.reports.wording import EVENT, SELECTION, level_of, month, short, shown, title, with_interval

MOST_BARS = 30
FEWEST = 30  # the correction for chance is itself chance on fewer decisions, and would set the scale of the axis
DRIFTED_SHOWN = 4
DRIFT_CAPTION = (
    "Population stability index of known values on the reference's quantiles, less what chance gives such samples. "
    "About 0, and at times just under, is stable. Whiskers: 95 % interval. Colours: alert levels; grey: too few rows."
)
DRIFT_HEADER = (
    "Feature",
    "Level",
    "PSI corrected (95 % interval)",
    "PSI raw",
    "Expected by chance",
    "Missing",
    "Missing, change",
    "Rows",
)
OUTCOME_COLOURS = {
    "approve": "#4c9f70",
    "contact": "#4c9f70",
    "review": "#f2c230",
    "decline": "#b4555a",
    "skip": "#b4bdc7",
}


def sections(facts: MonthFacts) -> list[Section]:
    """Every section of the month's report."""
    parts: tuple[Callable[[MonthFacts], Iterator[Section]], ...] = (
        _head,
        _alerts,
        _quality,
        _stability,
        trial_sections,
        _fairness,
        _volumes,
        _provenance,
    )
    return [section for part in parts for section in part(facts)]


def _head(facts: MonthFacts) -> Iterator[Section]:
    said = {
        "ok": ("success", "No alert this month."),
        "yellow": ("warning", "Look into the alerts below."),
        "orange": ("warning", "Act on the alerts below."),
        "red": ("error", "Automatic approval pauses until a person lifts the pause."),
    }[facts.level]
    told = f" Told: {', '.join(facts.told)}." if facts.told else ""
    heading = f"{facts.portfolio}: monitoring of the {facts.model} model, {month(facts.as_of)}"
    yield Section(
        "text",
        heading,
        {"text": f"Release {short(facts.release)} ({facts.role}), as known at the end of {facts.as_of} (UTC)."},
        insights=({"title": f"Level: {facts.level.upper()}", "severity": said[0], "text": said[1] + told},),
    )
    yield counters([(value, label) for value, label in _figures(facts)])


def _figures(facts: MonthFacts) -> Iterator[tuple[str, str]]:
    selected = "approve" if facts.kind == "risk" else "contact"
    for name, segment, label in (
        ("decisions", "", "decisions this month"),
        ("outcome_share", selected, f"{selected} share"),
        ("auc", "", "AUC"),
        ("observed_to_predicted", "", "observed / predicted"),
        ("score_psi", "", "score PSI"),
    ):
        row = facts.find(name, segment)
        yield (shown(name, row.value) if row else "–"), label
    gaps = facts.named("selection_gap")
    widest = max(gaps, key=lambda row: row.value, default=None)
    yield (
        (shown("selection_gap", widest.value), f"widest {SELECTION[facts.kind]} gap ({widest.segment})")
        if widest
        else ("–", f"{SELECTION[facts.kind]} gap")
    )


def _alerts(facts: MonthFacts) -> Iterator[Section]:
    header = ("Watched", "Level", "Value (95 % interval)", "Thresholds", "Rows", "Remark")
    caption = (
        "Every watch is here, the worst first. ‘interval’: not the value but the nearer end of its interval is judged."
    )
    yield table(header, alert_rows(facts), "Alerts", details=caption)
    grid, months = level_grid(facts)
    data, layout = charts.levels(grid, months)
    caption = (
        "Worst level of each watch in each month; grey: not measured, or too few rows. A feature watch shows its worst "
        "feature."
    )
    yield chart("Alert levels over time", data, layout, details=caption)


def _quality(facts: MonthFacts) -> Iterator[Section]:
    event = EVENT[facts.kind]
    if not facts.calibration:
        yield text(f"Not measured: {facts.absent['calibration_error']}.", "Performance")
        return
    whom = f"Decisions of {', '.join(facts.vintages)}, whose labels became known this month."
    yield chart(
        "Discrimination: AUC",
        *charts.over_time({"AUC": facts.series("auc")}, "AUC", watch_of(facts, "auc")),
        size=HALF,
        details=f"{whom} Bars: DeLong's 95 % interval. 0.5 is a draw.",
    )
    named = {"observed": facts.series("observed_rate"), "predicted": facts.series("predicted_rate")}
    yield chart(
        f"{event.capitalize()} rate, observed and predicted",
        *charts.over_time(named, f"{event} rate", share=True),
        size=HALF,
        details="Bars: Wilson's 95 % interval of the observed rate. Outside it, the mean prediction was wrong.",
    )
    yield chart(
        "Calibration this month",
        *charts.calibration(facts.calibration, event),
        size=HALF,
        details="Bins of equally many decisions. On the dashed line, predicted and observed agree.",
    )
    ratio = facts.series("observed_to_predicted")
    yield chart(
        "Observed / predicted",
        *charts.over_time({"ratio": ratio}, "observed / predicted", watch_of(facts, "observed_to_predicted")),
        size=HALF,
        details="1 is right; above 1 more happened than predicted. Bars: 95 % interval.",
    )


def _stability(facts: MonthFacts) -> Iterator[Section]:
    if facts.score is not None:
        caption = (
            "Bins are ten equal parts of the reference: the release's predictions on rows it had not learned from."
        )
        figure = charts.distribution(facts.score, "predicted probability")
        yield chart("Score distribution", *figure, size=HALF, details=caption)
        known = [row for row in facts.series("score_psi") if row.n >= FEWEST]
        if known:
            yield chart(
                "Score drift over time",
                *charts.over_time({"score PSI": known}, "PSI, corrected", watch_of(facts, "score_psi")),
                size=HALF,
                details=f"Each month of {FEWEST} or more decisions against the reference of that month's release.",
            )
    rows = sorted(facts.named("feature_psi"), key=lambda row: -row.value)
    if rows:
        few = f" The {MOST_BARS} largest of {len(rows)}; the table has all." if len(rows) > MOST_BARS else ""
        figure = charts.bars(rows[:MOST_BARS], "PSI, corrected", watch_of(facts, "feature_psi"))
        yield chart("Feature drift", *figure, number=rows[0].value, details=DRIFT_CAPTION + few)
    drifted = [row.segment for row in rows]
    if facts.features:
        names = [*drifted, *(name for name in facts.features if name not in drifted)]
        yield table(DRIFT_HEADER, [_drift_row(facts, name) for name in names], "Feature drift in numbers")
    for row in rows[:DRIFTED_SHOWN]:
        figure = charts.distribution(facts.features[row.segment], row.segment)
        yield chart(f"{row.segment}: PSI {shown('feature_psi', row.value)}", *figure, size=HALF)


def _drift_row(facts: MonthFacts, feature: str) -> tuple[str, ...]:
    row, raw = facts.find("feature_psi", feature), facts.find("feature_psi_raw", feature)
    missing, rise = facts.find("missing_share", feature), facts.find("missing_rise", feature)
    psi = ("not measured", "no known values", "–", "–")
    if row and raw:
        chance = shown("feature_psi", raw.value - row.value)
        psi = (level_of(row), with_interval(row), shown("feature_psi", raw.value), chance)
    gaps = (shown(found.name, found.value) if found else "–" for found in (missing, rise))
    return feature, *psi, *gaps, f"{facts.features[feature].current_rows:,}"


def _fairness(facts: MonthFacts) -> Iterator[Section]:
    word, rows = SELECTION[facts.kind], facts.named("selection_rate")
    if not rows:
        yield text(f"Not measured: {facts.absent.get('selection_gap', 'no groups were given')}.", "Fairness")
        return
    yield chart(
        f"Fairness: {word} rate by group",
        *charts.rates(rows, f"{word} rate"),
        details="Bars: Wilson's 95 % interval. Pale: a group too small to be compared; it is named, never hidden.",
    )
    columns = {row.segment.partition("=")[0]: row for row in rows}
    series = {name: facts.series("selection_gap", name) for name in columns}
    watch = watch_of(facts, "selection_gap")
    named = {name: found for name, found in series.items() if found}
    if named:
        yield chart(
            f"Fairness: {word} gap over time",
            *charts.over_time(named, f"{word} gap", watch, share=True),
            details="Highest less lowest rate among the groups large enough. Bars: 95 % interval, widened for having "
            "looked at every pair of groups.",
        )


def _volumes(facts: MonthFacts) -> Iterator[Section]:
    outcomes = {row.segment: facts.series("outcome_share", row.segment) for row in facts.named("outcome_share")}
    if outcomes:
        figure = charts.shares_over_time(outcomes, OUTCOME_COLOURS)
        yield chart("Outcomes over time", *figure, size=HALF, details="Share of each month's decisions.")
    series = {"decisions": facts.series("decisions")}
    found = charts.over_time(series, "decisions a month")
    yield chart("Volume over time", *found, size=HALF, details="Decisions in the log.")
    quiet = [row for name in ("stale_share", "feature_age", "matured_share", "ks") for row in facts.named(name)]
    if quiet:
        rows = [(title(row.name, facts.kind), with_interval(row), f"{row.n:,}") for row in quiet]
        yield table(("Also measured", "Value (95 % interval)", "Rows"), rows, "Inputs and labels")


def _provenance(facts: MonthFacts) -> Iterator[Section]:
    rows = [
        ("Run", facts.run),
        ("Release watched", facts.release),
        ("Business date (UTC)", f"{facts.as_of}: what became known later is not in it"),
        ("Months of the decisions judged", ", ".join(facts.vintages) or "none: no label became known"),
        (
            "Facts",
            f"schema {facts.schema_version}, {len(facts.metrics)} metrics; the JSON beside this page has them all",
        ),
    ]
    yield table(("Where the numbers come from", ""), rows, "Provenance")
