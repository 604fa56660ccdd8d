"""What people did about a decision that was left to them, as `lendloop why` tells it."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from flows.why_sources import Facts
from serving.log.record import Record, time_text
from serving.reviews.act import Act, act_of


def review_facts(decision: Record, acts: Sequence[Record]) -> list[Facts] | None:
    """Each act about a decision, the first first; None: it was never left to people, by whomever."""
    return [_acted(act_of(act)) for act in acts] if acts or decision.outcome == "review" else None


def review_lines(acts: Sequence[Facts]) -> Iterator[Text]:
    """A line an act: when, what, by whom, up to which limit, and why."""
    for act in acts:
        told = "the applicant refused the machine's decision, told" if act["act"] == "refuse" else act["act"]
        line = Text.assemble(f"{act['at'][:19].replace('T', ' ')} ", (told, "bold"), f" by {act['by']}")
        line.append(f" up to {act['limit']:g}" if "limit" in act else "")
        line.append(f": {act['reason']}" if "reason" in act else "")
        yield line.append(f" ({', '.join(act['codes'])})" if "codes" in act else "")
    if not acts or "outcome" not in acts[-1]:
        taken = any(act["act"] != "refuse" for act in acts)
        yield Text("it has not ended" if taken else "nobody has taken it yet", "yellow")


def _acted(act: Act) -> Facts:
    codes = [reason["code"] for reason in act.reasons if isinstance(reason, dict)]
    said = {"limit": act.limit, "outcome": act.outcome, "reason": act.reason or None, "codes": codes or None}
    return {"act": act.name, "by": act.by, "at": time_text(act.at)} | {name: one for name, one in said.items() if one}
