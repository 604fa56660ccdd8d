"""A month's report for people, from its stored facts; for machines `monitoring.facts.to_json` writes the same."""

from pathlib import Path

from monitoring.facts import MonthFacts, complete, write
from monitoring.reports.content import sections
from monitoring.reports.origin import marked, origin, stands


def render(facts: MonthFacts) -> str:
    """The report as one HTML page that needs no network; `MissingFact` when a fact is missing."""
    shown, title = sections(complete(facts)), _title(facts)
    # Evidently takes seconds to import: it comes last, once the facts are known to be whole.
    from monitoring.reports.document import to_html

    return marked(to_html(shown, title), origin(shown, title))


def write_report(facts: MonthFacts, file: Path) -> bool:
    """Have the report in `file`, whole or as it was; False: the same one stands there."""
    if stands(file, origin(sections(complete(facts)), _title(facts))):
        return False
    write(render(facts), file)
    return True


def _title(facts: MonthFacts) -> str:
    return f"{facts.portfolio} {facts.as_of:%Y-%m} {facts.model}"
