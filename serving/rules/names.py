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

AMOUNT, GRANTED = "request.amount", "granted.amount"
"""The amount asked for, and what a rule has in its place: without one, the limit that would be granted."""
