"""A month's report for people, from its stored facts; for machines `monitoring.facts.to_json` writes the same."""

from monitoring.facts import MonthFacts, complete
from monitoring.reports.content import sections


def render(facts: MonthFacts) -> str:
    """The report as one HTML page that needs no network; `MissingFact` when a fact is missing."""
    shown = sections(complete(facts))
    # Evidently takes seconds to import: it comes last, once the facts are known to be whole.
    from monitoring.reports.document import to_html

    return to_html(shown, f"{facts.portfolio} {facts.as_of:%Y-%m} {facts.model}")
