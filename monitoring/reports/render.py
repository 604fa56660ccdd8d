"""A month's report from its stored facts: HTML for people, JSON for machines."""

from dataclasses import dataclass
from pathlib import Path

from monitoring.facts import MonthFacts, complete, to_json, write
from monitoring.metric import Level


@dataclass(frozen=True)
class Report:
    """Where a month's report was written."""

    html: Path
    json: Path
    level: Level


def render(facts: MonthFacts) -> str:
    """The report as one HTML page that needs no network; `MissingFact` when a fact is missing."""
    from monitoring.reports.content import sections

    shown = sections(complete(facts))
    # Evidently takes seconds to import: it comes last, once the facts are known to be whole.
    from monitoring.reports.document import to_html

    return to_html(shown, f"{facts.portfolio} {facts.as_of:%Y-%m}")


def write_report(facts: MonthFacts, folder: Path) -> Report:
    """Write `<folder>/<portfolio>/<YYYY-MM>-<model>[-<role>].html` and the same as .json."""
    role = "" if facts.role == "champion" else f"-{facts.role}"
    stem = folder / facts.portfolio / f"{facts.as_of:%Y-%m}-{facts.model}{role}"
    page, data = render(facts), to_json(facts)
    return Report(
        html=write(page, stem.with_name(stem.name + ".html")),
        json=write(data, stem.with_name(stem.name + ".json")),
        level=facts.level,
    )
