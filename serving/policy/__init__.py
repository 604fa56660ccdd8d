"""`policy.yaml`, the whole of what a lender decides by."""

from serving.policy.canary import CanaryLimits
from serving.policy.document import (
    Absence,
    BehaviourPolicy,
    Code,
    Known,
    Policy,
    PropensityPolicy,
    Reason,
    Section,
    feature_kinds,
    read_policy,
)
from serving.policy.gates import Gates
from serving.policy.risk import GRADES, RELEASED, Grade, RiskPolicy
from serving.policy.terms import (
    SIGNALS,
    Capacity,
    Changeable,
    Changes,
    ConsentPurpose,
    CounterOffer,
    Economics,
    Price,
    Purposes,
    Quota,
    Reviews,
    Signal,
    TwoPeople,
)

__all__ = [
    "GRADES",
    "RELEASED",
    "SIGNALS",
    "Absence",
    "BehaviourPolicy",
    "CanaryLimits",
    "Capacity",
    "Changeable",
    "Changes",
    "Code",
    "ConsentPurpose",
    "CounterOffer",
    "Economics",
    "Gates",
    "Grade",
    "Known",
    "Policy",
    "Price",
    "PropensityPolicy",
    "Purposes",
    "Quota",
    "Reason",
    "Reviews",
    "RiskPolicy",
    "Section",
    "Signal",
    "TwoPeople",
    "feature_kinds",
    "read_policy",
]
