"""What a challenger must keep to while it answers some of the customers; the champion's policy says it."""

from pydantic import Field

from features.documents import Document


class CanaryLimits(Document):
    """A canary that breaks one of these beyond chance is stopped by the service itself, within seconds."""

    shadow_share: float = Field(1.0, ge=0, le=1, description="share of the customers scored in the champion's shadow")
    minimum: int = Field(30, ge=1, description="decisions of the challenger before it is judged")
    window: int = Field(2_000, ge=100, le=100_000, description="decisions of each of both that are judged, the newest")
    error_rate: float = Field(0.01, ge=0, lt=1, description="share of its requests that it may fail at")
    degraded_rise: float = Field(
        0.05, ge=0, lt=1, description="by how much more of its decisions than of the champion's may lack fresh features"
    )
    approval_difference: float = Field(
        0.10, gt=0, le=1, description="how far its share of approvals (or contacts) may be from the champion's"
    )
    latency_ratio: float = Field(
        2.0, ge=1, description="1 in 100 of its decisions may take over so many times the champion's 99th percentile"
    )
