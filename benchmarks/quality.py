"""`make bench-quality`: how good the models are, beside peers, published figures and the goals of the project.

Prints tables and writes results/quality.json. Parameters come from `benchmarks.tune`, which sees none of the rows that
a figure here is measured on.
"""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figures import Figures, Goal, Section
from benchmarks.quality_bank import bank_sections
from benchmarks.quality_taiwan import taiwan_section

RESULTS = Path(__file__).parent / "results" / "quality.json"


def main() -> None:
    """Measure, print and write."""
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def say(text: str) -> None:
            progress.update(task, description=text)

        sections = [taiwan_section(say), *bank_sections(say)]
    for section in sections:
        printed(console, section)
    RESULTS.parent.mkdir(exist_ok=True)
    written = json.dumps([asdict(section) for section in sections], indent=1)
    RESULTS.write_text(written + "\n", encoding="utf-8")
    console.print(f"written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


def printed(console: Console, section: Section) -> None:
    """Print a section and what became of its goals."""
    console.print(_table(section))
    for goal in section.goals:
        console.print(_verdict(goal))
    console.print()


def _table(section: Section) -> Table:
    table = Table(title=section.title, caption=section.note, title_justify="left", caption_justify="left")
    table.add_column("model", overflow="fold")
    for heading in section.headings:
        table.add_column(heading, justify="right")
    for figures in section.rows:
        table.add_row(figures.name, *(_cell(figures, heading) for heading in section.headings), style=_style(figures))
    return table


def _cell(figures: Figures, heading: str) -> str:
    value = figures.values.get(heading)
    return "" if value is None else value if isinstance(value, str) else f"{value:.4f}"


def _style(figures: Figures) -> str:
    return "bold" if figures.ours else "dim" if figures.published else ""


def _verdict(goal: Goal) -> str:
    sign, mark = (">=", "[green]met[/]") if goal.at_least else ("<=", "[green]met[/]")
    mark = mark if goal.met else "[red]not met[/]"
    return f"  {mark}  {goal.name}: {goal.value:.4f} (goal {sign} {goal.goal:g})"


if __name__ == "__main__":
    main()
