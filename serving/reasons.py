"""Why a decision fell: what caused its outcome, and the reason codes that moved its score most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.score import Floats


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code in plain words; `points` is what it moved, None for a cause that is not a part of the score."""

    code: str
    en: str
    zh: str
    points: float | None = None


def _cause(code: str, en: str, zh: str) -> Reason:
    return Reason(code, en, zh)


FEATURES_LATE = _cause("FEATURES_LATE", "Your records could not be read in time.", "未能及时读取您的资料。")
FEATURES_MISSING = _cause("FEATURES_MISSING", "Information we need about you is missing.", "缺少评估所需的资料。")
FEATURES_STALE = _cause("FEATURES_STALE", "The information we hold about you is too old.", "我们掌握的资料已过时。")
FEATURES_INVALID = _cause("FEATURES_INVALID", "The information we hold is not usable.", "我们掌握的资料无法使用。")
AMOUNT_INVALID = _cause("AMOUNT_INVALID", "The amount asked for is not usable.", "申请金额无效。")
AMOUNT_OVER_LIMIT = _cause(
    "AMOUNT_OVER_LIMIT", "The amount asked for is above what we grant automatically.", "申请金额超过可自动批准额度。"
)
SCORE_UNDER_REVIEW = _cause(
    "SCORE_UNDER_REVIEW", "Your score is below what we approve automatically.", "评分低于自动批准标准。"
)
SCORE_UNDER_DECLINE = _cause("SCORE_UNDER_DECLINE", "Your score is below the lowest we accept.", "评分低于最低标准。")
PAUSED = _cause("PAUSED", "Automatic decisions are paused for now.", "自动决策暂停。")
UNDER_CONTACT_FROM = _cause("UNDER_CONTACT_FROM", "The offer is unlikely to be of interest.", "该产品可能不合您需要。")
CAPACITY_UNKNOWN = _cause(
    "CAPACITY_UNKNOWN", "How much you can carry could not be worked out.", "无法评估您的偿还能力。"
)
NO_CAPACITY = _cause("NO_CAPACITY", "There is no room for further credit.", "目前没有可用的授信空间。")
PRICE_OVER_CEILING = _cause(
    "PRICE_OVER_CEILING", "The loan would cost more a year than we allow.", "贷款年化综合成本超过上限。"
)
PRICE_UNKNOWN = _cause("PRICE_UNKNOWN", "The price of the loan is not known in full.", "贷款的综合成本不明确。")
PURPOSE_NOT_ALLOWED = _cause("PURPOSE_NOT_ALLOWED", "We do not lend for this purpose.", "该用途不在可贷款范围内。")
PURPOSE_UNKNOWN = _cause("PURPOSE_UNKNOWN", "The purpose of the loan was not stated.", "未说明贷款用途。")
QUOTA_REACHED = _cause("QUOTA_REACHED", "The quota for automatic approvals is used up.", "自动批准额度已用完。")
ON_LIST = _cause("ON_LIST", "There is an entry in a list we must check.", "在须核查的名单中有记录。")
SIGNAL_MISSING = _cause("SIGNAL_MISSING", "Your identity has not been checked in full.", "身份核验尚未完成。")
SIGNAL_FAILED = _cause("SIGNAL_FAILED", "A check of your identity did not pass.", "身份核验未通过。")
CONSENT_MISSING = _cause("CONSENT_MISSING", "You have not agreed to this use of your data.", "您尚未同意此项数据使用。")
AUTOMATION_REFUSED = _cause("AUTOMATION_REFUSED", "You asked for a decision by a person.", "您要求由人工作出决定。")
CONTEXT_UNKNOWN = _cause("CONTEXT_UNKNOWN", "Something we must check could not be checked.", "有必查事项未能核查。")

CAUSES = {
    cause.code: cause
    for cause in (
        FEATURES_LATE,
        FEATURES_MISSING,
        FEATURES_STALE,
        FEATURES_INVALID,
        AMOUNT_INVALID,
        AMOUNT_OVER_LIMIT,
        SCORE_UNDER_REVIEW,
        SCORE_UNDER_DECLINE,
        PAUSED,
        UNDER_CONTACT_FROM,
        CAPACITY_UNKNOWN,
        NO_CAPACITY,
        PRICE_OVER_CEILING,
        PRICE_UNKNOWN,
        PURPOSE_NOT_ALLOWED,
        PURPOSE_UNKNOWN,
        QUOTA_REACHED,
        ON_LIST,
        SIGNAL_MISSING,
        SIGNAL_FAILED,
        CONSENT_MISSING,
        AUTOMATION_REFUSED,
        CONTEXT_UNKNOWN,
    )
}
"""Reasons that are the platform's own; a portfolio's codes may not take their names."""


_BEHIND = 1e6
"""Sorts what pulled the other way behind all that pushed: points and log-odds are far smaller."""


LEAST = 1e-9
"""Points, or log-odds, from which a contribution is more than the rounding of a sum."""


def strongest(points: Floats, favourable: NDArray[np.bool_], shown: int) -> NDArray[np.intp]:
    """Columns of the up to `shown` contributions to name (rows x shown), −1 for none.

    First those that pushed towards the outcome, strongest first: that raised the points for a favourable one, lowered
    them for any other. Then, where places are left, those that pulled the other way.
    """
    towards = np.where(favourable[:, None], points, -points)
    order = np.argsort(np.where(towards > 0, -towards, _BEHIND + towards), axis=1, kind="stable")[:, :shown]
    moved = np.abs(points[np.arange(len(points))[:, None], order]) > LEAST
    # NaN is not above 0: a row without a score has no such reason.
    return np.where(moved, order, -1)


def strongest_of(points: Sequence[float], favourable: bool, shown: int) -> list[int]:
    """What `strongest` gives one row, without the places that nothing stands in."""
    keys = []
    for one in points:
        towards = one if favourable else -one
        keys.append(-towards if towards > 0 else _BEHIND + towards)
    order = sorted(range(len(keys)), key=keys.__getitem__)  # stable, as there
    return [column for column in order[:shown] if points[column] != 0]


def group_inputs(inputs: Sequence[str], codes: dict[str, Sequence[str]]) -> tuple[list[str], list[list[int]]]:
    """The codes that some input belongs to, and the positions of each one's inputs; last those of no code."""
    position = {name: index for index, name in enumerate(inputs)}
    found = {code: [position[name] for name in names if name in position] for code, names in codes.items()}
    kept = {code: places for code, places in found.items() if places}
    taken = {place for places in kept.values() for place in places}
    return list(kept), [*kept.values(), [place for place in range(len(inputs)) if place not in taken]]
