"""What a rule may look at besides the model's features: the request, the context and the score."""

from types import MappingProxyType

from serving.rules.syntax import Kind

FIXED_NAMES: MappingProxyType[str, Kind] = MappingProxyType(
    {
        "request.amount": "number",
        "request.purpose": "text",
        "request.term_months": "number",
        "request.annual_rate": "number",
        "request.fees": "number",
        "request.all_in_rate": "number",
        "request.monthly_income": "number",
        "request.exposure": "number",
        "context.business_date": "date",
        "context.paused": "boolean",
        "context.listed": "boolean",
        "context.consented": "boolean",
        "context.automation_refused": "boolean",
        "context.liveness": "text",
        "context.voice_print": "text",
        "context.device": "text",
        "score": "number",
        "probability": "number",
        "grade": "text",
    }
)
"""Names and kinds; `feature.<name>` joins them for the features the risk model reads."""

_RESULTS = ("passed", "failed", "unanswered")
WORDS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "context.liveness": _RESULTS,
        "context.voice_print": _RESULTS,
        "context.device": _RESULTS,
        "grade": ("A", "B", "C", "D", "E"),
    }
)
"""All that a text name may say, where that is known."""

CODES = MappingProxyType({"request.purpose": r"[a-z][a-z0-9_]{0,62}"})
"""The pattern of a text name that is a short code, as requests give it."""

RANGES = MappingProxyType({"score": (0.0, 100.0), "probability": (0.0, 1.0)})
"""The lowest and the highest that a number may be, where that is known."""

AMOUNT, GRANTED = "request.amount", "granted.amount"
"""The amount asked for, and what a rule has in its place: without one, the limit that would be granted."""
