"""The comparison with an incumbent as Markdown, as facts in JSON and as a picture."""

import json
from collections.abc import Iterator
from pathlib import Path

from features.spec import EVENT
from flows.parallel import Both
from flows.parallel_facts import Facts, comparable, curves_of, facts_of, figures_of
from infra.files import write_whole
from serving.movement import markdown_table, movement_markdown
from serving.parallel_run import LEAST_EVENTS, LEAST_ROWS, Estimate, Figures, Ranking

SIDES = ("incumbent", "champion")
MOST_CAUSES = 6
HALF = 0.5
"""The AUC of a coin."""


def write_report(both: Both, folder: Path) -> str:
    """Write `comparison.md`, `comparison.json` and, where labels are known, `comparison.png`; the Markdown."""
    rows = both.rows
    found = figures_of(both)
    facts = facts_of(both, found)
    text = "\n\n".join([*_head(both), _movement(both), *_causes(facts), *_outcomes(both, facts, found)]) + "\n"
    write_whole(folder / "comparison.json", (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())
    write_whole(folder / "comparison.md", text.encode())
    if found is not None:
        from monitoring.rates import draw_rates

        known = comparable(rows)
        draw_rates(curves_of(both, known), _point(found), folder / "comparison.png", _words(both), both.workspace.name)
    return text


def _words(both: Both) -> tuple[str, str]:
    return ("approved", "bad rate") if both.is_risk else ("contacted", "conversion")


def _head(both: Both) -> Iterator[str]:
    rows, days = both.rows, both.rows[EVENT].dt.date().sort()
    yield f"## {both.workspace.name}: the incumbent beside release `{both.release.sha[:12]}`"
    yield (
        f"{rows.height:,} decisions of {rows[both.workspace.key].n_unique():,} customers, {days[0]} to {days[-1]}. The "
        "champion decides each on the features known at its time, by the code that serves. Lists, identity signals, "
        "consents, quotas and pauses are not in the incumbent's file and count as clear; terms it does not state count "
        "as not stated."
    )


def _movement(both: Both) -> str:
    fairness = both.workspace.models.models[both.model].fairness
    agree = float((both.rows["before"] == both.rows["after"]).mean() or 0.0)  # type: ignore[arg-type]
    heading = f"### Who moves\n\nThey agree on {agree:.1%}. "
    return heading + movement_markdown(both.moves(), both.groups, fairness, SIDES).rstrip()


def _causes(facts: Facts) -> Iterator[str]:
    if facts["causes"]:
        listed = ", ".join(f"{code} {count:,}" for code, count in list(facts["causes"].items())[:MOST_CAUSES])
        yield (
            "Why the champion does not follow the incumbent's favourable decisions (several causes may meet): "
            f"{listed}."
        )
    if facts["not_scored"]:
        yield f"{facts['not_scored']:,} decisions the champion cannot score: no fresh features were known at the time."


def _outcomes(both: Both, facts: Facts, found: Figures | None) -> Iterator[str]:
    verb, rate = _words(both)
    yield f"### Who was right\n\nOutcomes as known at {facts['labels_known_at']}."
    yield markdown_table(
        ("incumbent", "decisions", "outcome known"),
        [
            (one["outcome"], f"{one['decisions']:,}", f"{one['labelled'] / max(one['decisions'], 1):.1%}")
            for one in facts["labels"]
        ],
    )
    if facts["learned"]:
        yield (
            f"{facts['learned']:,} outcomes were known when the release was made: it may have learned from them, so "
            "they prove nothing and count as not known. An older release can be named with --release."
        )
    if facts["selective"]:
        yield (
            f"**Outcomes are known almost only of those whom the incumbent {verb}.** What would have become of the "
            "others, nobody knows: the figures below are of the incumbent's own choice of customers, among whom its "
            "own score has less left to tell apart than among all. Rates at equal shares cannot be told, and are not."
        )
    yield markdown_table(
        ("incumbent", "champion", "decisions", "outcome known", f"{rate} (95 %)", "champion expects"),
        [_side_row(one, verb) for one in facts["sides"]],
    )
    if found is None:
        yield (
            f"Too few outcomes are known to compare the two systems: at least {LEAST_ROWS} decisions that the champion "
            f"scored, and {LEAST_EVENTS} of each outcome, are needed."
        )
    else:
        yield from _told(found, verb, rate)


def _side_row(one: Facts, verb: str) -> tuple[str, ...]:
    known = "–" if one["event_rate"] is None else f"{one['event_rate']:.1%} ({one['low']:.1%} to {one['high']:.1%})"
    expects = "–" if one["expected"] is None else f"{one['expected']:.1%}"
    sides = [verb if one[side] else f"not {verb}" for side in SIDES]
    return (*sides, f"{one['decisions']:,}", f"{one['labelled']:,}", known, expects)


def _told(found: Figures, verb: str, rate: str) -> Iterator[str]:
    yield (
        f"On {found.rows:,} decisions of {found.customers:,} customers, {found.events:,} events, that the champion "
        "scored; intervals of 95 % from resampled customers."
    )
    ranked = [("champion", found.champion), *([("incumbent", found.incumbent)] if found.incumbent else [])]
    yield markdown_table(("", "AUC (95 %)", "calibration error", "predicted"), [_rank(*one) for one in ranked])
    if found.incumbent is not None and found.incumbent.auc.high < HALF:
        yield "**The incumbent's score ranks backwards.** Is a higher one riskier there? Then import its probability."
    if found.auc_gain is not None:
        yield f"AUC of the champion less the incumbent's: {_pair(found.auc_gain, '+.4f')}{_verdict(found.auc_gain)}."
    else:
        yield "The incumbent's file has no score or probability for every decision: how it ranks cannot be told."
    if (trade := found.trade) is not None:
        yield markdown_table(
            ("", f"{verb}", f"{rate} (95 %)"),
            [
                ("incumbent", _pair(trade.share, ".1%"), _pair(trade.event_rate, ".2%")),
                (f"champion, as many {verb}", f"{trade.share.value:.1%}", _pair(trade.at_equal_share, ".2%")),
                (f"champion, same {rate}", _pair(trade.share_at_equal_rate, ".1%"), f"{trade.event_rate.value:.2%}"),
            ],
        )
        yield (
            f"At the incumbent's share, the champion's {rate} differs by {_points(trade.difference)} points"
            f"{_verdict(trade.difference)}; at the incumbent's {rate}, the share {verb} by {_points(trade.more)} points"
            f"{_verdict(trade.more)}."
        )


def _rank(name: str, one: Ranking) -> tuple[str, ...]:
    error = "–" if one.calibration_error is None else f"{one.calibration_error:.4f}"
    return name, _pair(one.auc, ".4f"), error, "–" if one.predicted is None else f"{one.predicted:.2%}"


def _pair(one: Estimate, form: str) -> str:
    return f"{one.value:{form}} ({one.low:{form}} to {one.high:{form}})"


def _points(one: Estimate) -> str:
    return f"{100 * one.value:+.2f} ({100 * one.low:+.2f} to {100 * one.high:+.2f})"


def _verdict(one: Estimate) -> str:
    return "" if one.low > 0 or one.high < 0 else ", which may be chance"


def _point(found: Figures) -> tuple[float, float] | None:
    return None if found.trade is None else (found.trade.share.value, found.trade.event_rate.value)
