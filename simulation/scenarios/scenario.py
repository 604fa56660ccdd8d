"""A scenario: the population, the economy, the rules, the faults of records, and what changes when."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from simulation.scenarios.fraud import FraudPlan
from simulation.scenarios.plan import Days, Month, Months, Plan, Share
from simulation.scenarios.reading import read_yaml
from simulation.schema import EXEMPT, RAW, Table

FOLDER = Path(__file__).parent
YEARS = range(1970, 2200)
"""Years in which a world may start: its days are counted from 1970 on."""


class ScenarioError(ValueError):
    """A scenario cannot be used; the message says what was found and what to try."""


class Shift(Plan):
    """From a month on, other people join."""

    month: Month
    ability: float = 0.0
    willingness: float = 0.0
    years: float = 0.0
    income: Annotated[float, Field(gt=0)] = 1.0
    low_tiers: Share = 0.0


class Population(Plan):
    """Who the customers are. Gaps are between groups: in ability, in deviations; in income, a share of it.

    `women_ability_gap` is a true disparity (they repay less well), `women_income_gap` a false one (they earn less for
    the same ability, ask for less, and repay as well); neither moves anybody else's draws.
    """

    at_start: Share = 0.75
    joining_months: Months = 24
    borrowers_at_start: Share = 0.3
    businesses: Share = 0.07
    minority: Share = 0.2
    proxy_strength: Share = 0.0
    ability_gap: float = 0.0
    women_ability_gap: float = 0.0
    women_income_gap: Annotated[float, Field(ge=0, lt=1)] = 0.0
    diverting: Share = 0.06
    shift: Shift | None = None


class Recession(Plan):
    """Unemployment rises by `depth` and falls again."""

    month: Month
    months: Months = 12
    depth: Annotated[float, Field(gt=0, le=0.3)] = 0.04


class RateShock(Plan):
    """The base rate moves by `points`, at once."""

    month: Month
    points: Annotated[float, Field(ge=-100, le=100)]


class EconomyPlan(Plan):
    """The economy's level, and what happens to it."""

    base_rate: Annotated[float, Field(ge=-0.1, le=1)] = 0.03
    unemployment: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    inflation: float = 0.02
    recession: Recession | None = None
    rate_shock: RateShock | None = None


class Rule(Plan):
    """A rule in force from a month on."""

    month: Month = 0
    rule: Literal["rate_cap", "contact_cap_month"]
    value: Annotated[float, Field(ge=0)]


class LendingPlan(Plan):
    """How much is asked for, and how easily people fall behind."""

    applications_a_month: Annotated[float, Field(gt=0)] = 0.09
    miss_index: float = -3.6
    noise: Annotated[float, Field(ge=0)] = 1.0
    partners: Annotated[int, Field(gt=0)] = 60


class MoneyPlan(Plan):
    """How much moves."""

    purchases_a_day: Annotated[float, Field(gt=0)] = 1.5
    merchants: Annotated[int, Field(gt=0)] = 20_000


class Drift(Plan):
    """From a month on, a column of a raw table is reported times a factor: a changed form, unit or vendor."""

    month: Month
    table: str
    column: str
    factor: float


class Outage(Plan):
    """Nothing of a table lands for some days; afterwards all but the lost share does."""

    month: Month
    days: Days
    table: str
    lost: Share = 0.0


class RecordsPlan(Plan):
    """Faults of records: shares of the rows of every table; what a decision needs is never late (`records.faults`).

    In tables without a number with decimals, as amounts and positions are, a name is wrong or could not be read.
    """

    late: Share = 0.002
    late_days: Days = 5
    corrected: Share = 0.001
    duplicated: Share = 0.001
    malformed: Share = 0.0
    outages: tuple[Outage, ...] = ()
    drifts: tuple[Drift, ...] = ()


class MarketingPlan(Plan):
    """How contacts, pages and planted patterns move people; `contacts_a_month` and `held_out` are the default policy's.

    `effect` scales all true effects; `fatigue` is what one contact adds to being tired of them.
    """

    effect: Annotated[float, Field(ge=0)] = 1.0
    fatigue: Annotated[float, Field(ge=0, le=1)] = 0.12
    contacts_a_month: Annotated[int, Field(ge=0, le=8)] = 1
    held_out: Share = 0.2
    patterns: Share = 0.05
    pattern_effect: Annotated[float, Field(ge=0)] = 1.0
    sessions: Annotated[float, Field(ge=0)] = 1.0
    complaints: Annotated[float, Field(ge=0)] = 1.0


class Scenario(Plan):
    """A whole scenario. Months count from `start`, the first of a month."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    about: str
    start: date = date(2024, 1, 1)
    population: Population = Population()
    economy: EconomyPlan = EconomyPlan()
    rules: tuple[Rule, ...] = ()
    lending: LendingPlan = LendingPlan()
    money: MoneyPlan = MoneyPlan()
    fraud: FraudPlan = FraudPlan()
    marketing: MarketingPlan = MarketingPlan()
    records: RecordsPlan = RecordsPlan()

    @model_validator(mode="after")
    def _opens_a_month(self) -> "Scenario":
        if self.start.day != 1:
            raise ValueError(f"start is {self.start}: give the first of a month")
        if self.start.year not in YEARS:
            raise ValueError(f"start is {self.start}: give a year from {YEARS.start} to {YEARS.stop - 1}")
        new = self.fraud.new_pattern
        if new and new.starts < self.start:
            raise ValueError(f"fraud.new_pattern.starts is {new.starts}: give a day from the start on, {self.start}")
        return self

    @model_validator(mode="after")
    def _names_tables(self) -> "Scenario":
        for outage in self.records.outages:
            _table(outage.table)
        for drift in self.records.drifts:
            numbers = [column.name for column in _table(drift.table).columns if column.type.is_numeric()]
            if drift.column not in numbers:
                raise ValueError(f"no number {drift.column!r} in {drift.table}: take one of {', '.join(numbers)}")
        return self


def _table(name: str) -> Table:
    if name not in RAW:
        raise ValueError(f"no raw table {name!r}: take one of {', '.join(RAW)}")
    if name in EXEMPT:
        raise ValueError(f"{name} is a reference table, which is handed over whole: no outage or drift touches it")
    return RAW[name]


def parsed(content: Mapping[str, Any], source: str) -> Scenario:
    """A scenario from the content of a YAML file; raises `ScenarioError` that names the key."""
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ScenarioError(f"{source}: {where}: {first['msg']}") from None


def names() -> list[str]:
    """The scenarios that ship, by name."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load(name: str) -> Scenario:
    """A scenario by its name, or from the YAML file at that path."""
    file = FOLDER / f"{name}.yaml" if name in names() else Path(name)
    if file.suffix not in {".yaml", ".yml"} or not file.is_file():
        raise ScenarioError(f"no scenario {name!r}: take one of {', '.join(names())}, or give a YAML file of your own")
    try:
        content = read_yaml(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or a 13th month
        raise ScenarioError(f"{file}: not readable as YAML: {error}") from None
    if not isinstance(content, dict):
        raise ScenarioError(f"{file}: holds {type(content).__name__}, expected keys such as name, about, economy")
    return parsed(content, str(file))
