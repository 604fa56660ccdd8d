"""The one place of Evidently: widgets made from facts in, one self-contained HTML file out.

Importing this module takes seconds. Each of our sections becomes an Evidently metric whose value and widget were made
beforehand from the stored facts: Evidently computes nothing from rows, so that an empty month, a column without values
or a single class cannot break it. What it draws at random, the identifiers of widgets and page, is numbered here.
"""

import json
import os
import re
import warnings
from collections.abc import Sequence
from html import escape
from itertools import count
from typing import Any

# Evidently reads this once, when it is imported.
os.environ.setdefault("DO_NOT_TRACK", "true")
with warnings.catch_warnings():
    # numpy.core and litestar's old names, deprecated but harmless at the pinned versions.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pandas as pd
    from evidently import Report
    from evidently.core.metric_types import SingleValue, SingleValueCalculation, SingleValueMetric
    from evidently.legacy.model.widget import BaseWidgetInfo

from monitoring.reports.section import Section

# Evidently pads every figure to 450 pixels or more, aligns words to the right and lets plotly's tools cover titles.
_STYLE = (
    ".js-plotly-plot{min-height:0!important;max-height:none!important}"
    ".modebar-container{opacity:0}.js-plotly-plot:hover .modebar-container{opacity:1}"
    "td,th{text-align:left!important}"
)
_RANDOM = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<=metric_)[0-9a-f]{32}")


class Shown(SingleValueMetric):  # type: ignore[misc]
    """A section as Evidently knows it: a title, the number that stands for it, and the widget as JSON."""

    title: str
    number: float
    widget: str


class ShownCalculation(SingleValueCalculation[Shown]):  # type: ignore[misc]
    """Hands over what was made before."""

    def display_name(self) -> str:
        """The section's title."""
        return str(self.metric.title)

    def calculate(self, context: Any, current_data: Any, reference_data: Any) -> SingleValue:
        """The section's number, with its widget."""
        result = self.result(self.metric.number)
        result.widget = [BaseWidgetInfo(**json.loads(self.metric.widget))]
        return result


def to_html(sections: Sequence[Section], title: str) -> str:
    """The sections in their order as one HTML page that needs no network; the same sections give the same bytes."""
    metrics = [Shown(title=s.title, number=s.number, widget=json.dumps(s.widget())) for s in sections]
    snapshot = Report(metrics).run(pd.DataFrame({"facts": [len(metrics)]}), None)
    page = _numbered(snapshot.get_html_str(as_iframe=False)).strip()
    return page.replace(
        '<meta charset="UTF-8">', f'<meta charset="UTF-8"><title>{escape(title)}</title><style>{_STYLE}</style>', 1
    )


def _numbered(page: str) -> str:
    """The page with Evidently's random identifiers replaced by numbers, in order of appearance."""
    head, mark, rest = page.partition("</head>")
    found = dict.fromkeys(_RANDOM.findall(head))
    numbers = count(1)
    for random in found:
        number = f"{next(numbers):0{len(random)}d}"
        head, rest = head.replace(random, number), (rest.replace(random, number) if "-" not in random else rest)
    return head + mark + rest
