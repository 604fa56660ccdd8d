"""A log with a champion and a challenger, and the shadow that reads it; features are in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.answers import record_of
from serving.api.schemas import DecisionRequest
from serving.asked import Asked
from serving.desk import Desk
from serving.log.database import open_database
from serving.log.decision_log import open_log
from serving.log.record import Record
from serving.pointers import write_pointer
from serving.release import load_release
from serving.trial.note import Trial, write_trial
from serving.trial.rows import ShadowRow, open_shadow
from serving.trial.shadowing import Shadow
from serving.trial.watch import CanaryWatch
from tests.serving.log.keyring import KEYS
from tests.serving.small_releases import PORTFOLIO, build_small, fresh_reader

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Home:
    """A log with a champion, a challenger and their features in memory."""

    def __init__(self, folder: Path, url: str) -> None:
        self.releases = folder / "releases"
        self.champion, self.challenger = build_small(self.releases), build_small(self.releases, slope=1.3)
        self.reader, self.desks = fresh_reader(NOW), dict[str, Desk]()
        self.log, self.rows = open_log(url, KEYS), open_shadow(url)
        self.watch = CanaryWatch(open_database(url, read_only=True))
        self.shadow = Shadow(self.releases, self.log, self.rows, self.watch, lambda _, sha: self.desk(sha))
        write_pointer(self.releases, PORTFOLIO, self.champion)

    def desk(self, sha: str) -> Desk:
        if sha not in self.desks:
            self.desks[sha] = Desk(load_release(self.releases / sha), self.reader)
        return self.desks[sha]

    def tried(self, share: float = 0.0, number: int = 1) -> None:
        write_trial(self.releases, PORTFOLIO, Trial(self.challenger, share, number, 1))

    def decide(self, entity: int, sha: str = "", partner: str = "shop", **context: Any) -> Record:
        desk = self.desk(sha or self.champion)
        asked = Asked(partner, PORTFOLIO, "decision", DecisionRequest(entity_id=entity, amount=100.0), NOW)
        looked, found = desk.look_up([entity], NOW), asked.circumstances(False)
        made = desk.decide("decision", looked, application=asked.application, circumstances=found)
        record = record_of(asked, desk, looked, made, found)
        record = replace(record, context={**record.context, **context})
        self.log.append(record)
        return record

    def found(self) -> dict[str, ShadowRow]:
        return {row.decision_id: row for row in self.rows.read(PORTFOLIO, NOW - DAY, NOW + DAY)}

    def close(self) -> None:
        self.log.close()
        self.rows.close()
        self.watch.database.close()
