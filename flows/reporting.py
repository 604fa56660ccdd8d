"""Where monitoring's reports are kept, and how they are found again."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.hints import last_month
from monitoring.metric import Level


class NoReport(ValueError):
    """There is no such report; the message says which there are."""


@dataclass(frozen=True)
class Report:
    """One month's report of one model: an HTML for people and a JSON for machines, side by side."""

    portfolio: str
    as_of: str
    model: str
    level: Level
    html: Path


def report_path(reports: Path, portfolio: str, as_of: date, model: str) -> Path:
    """Path of a report without its ending: `<reports>/<portfolio>/<as_of>-<model>`."""
    return reports / portfolio / f"{as_of}-{model}"


def found_reports(reports: Path, portfolio: str | None = None) -> list[Report]:
    """Every report in the folder, by portfolio, then oldest first."""
    found = []
    for facts in sorted(reports.glob(f"{portfolio or '*'}/????-??-??-*.json")):
        content = json.loads(facts.read_text(encoding="utf-8"))
        html = facts.with_suffix(".html")
        if html.exists():
            found.append(Report(facts.parent.name, content["as_of"], content["model"], content["level"], html))
    return found


def find_report(reports: Path, portfolio: str, as_of: str = "") -> Report:
    """The newest report of a portfolio whose date begins with `as_of`."""
    known = found_reports(reports, portfolio)
    matching = [report for report in known if report.as_of.startswith(as_of)]
    if not matching:
        months = ", ".join(report.as_of for report in known) or "none"
        command = f"`lendloop run monitor --portfolio {portfolio} --as-of {last_month(portfolio)}`"
        raise NoReport(f"no report of {portfolio} for {as_of or 'any month'}; found {months}; {command} makes one")
    return matching[-1]
