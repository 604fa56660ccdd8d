"""Applications of one batch: they use up a quota in their order, as requests one after the other do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from serving.applications import Applications, Context
from serving.money import money
from serving.policy import Quota
from serving.verdict import Assessed, Verdict, counted_amounts, exceeds, judge


def judge_in_turn(known: Assessed, applications: Applications, context: Context) -> tuple[Verdict, Context]:
    """`judge`, where each row finds used what those before it use; and the context that has it.

    The more is used, the fewer are approved: who would not be with what is used before the first row takes nothing.
    """
    verdict = judge(known, applications, context)
    if context.used is None or not known.risk.quotas or len(applications) == 1:
        return verdict, context
    context = replace(context, used=_used(known, applications, verdict, context.used))
    return judge(known, applications, context), context


def _used(
    known: Assessed, applications: Applications, verdict: Verdict, before: Sequence[Mapping[str, float]]
) -> list[dict[str, float]]:
    """What each row finds used: a sum that goes on where a row fits into every quota that counts it."""
    risk = known.risk
    purposes = applications.purpose or [None] * len(applications)
    amounts = counted_amounts(applications.amount, verdict.limit).tolist()
    taken, found = {quota.id: 0.0 for quota in risk.quotas}, []
    for row, free in enumerate((verdict.severity == 0).tolist()):
        used = {name: money(value + taken.get(name, 0.0)) for name, value in before[row].items()}
        found.append(used)
        uses = _uses(risk.quotas, purposes[row], amounts[row]) if free else []
        if not any(exceeds(risk, used[quota.id], more, quota) for quota, more in uses):
            for quota, more in uses:
                taken[quota.id] += more
    return found


def _uses(quotas: Sequence[Quota], purpose: str | None, amount: float) -> list[tuple[Quota, float]]:
    """How much an approval uses of each quota that counts it."""
    counting = (quota for quota in quotas if quota.purpose in (None, purpose))
    return [(quota, amount if quota.of == "amount" else 1.0) for quota in counting]
