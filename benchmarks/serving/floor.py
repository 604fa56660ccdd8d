"""The floor: bare FastAPI and uvicorn, the same model, features in memory. What it does beside is said by `FLOOR`.

`score`: a probability, and nothing else. `shap`: CatBoost's own SHAP values of the request, and its answer in SQLite,
synced to disk before it is given, one commit for all that wait. `table`: the same by our leaf tables, which no floor
has by itself. None knows a partner, a policy, a reason in words, a chain, a person's rights, or a store of features.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import orjson
import polars as pl
from catboost import CatBoost, FeaturesData, Pool
from fastapi import FastAPI
from pydantic import BaseModel

from serving.release import load_release

DOES = os.environ["FLOOR"]
MODEL = load_release(Path(os.environ["RELEASE"])).models["risk"]
ROWS = pl.read_parquet(os.environ["CUSTOMERS"])
NAMES = [column.name for column in MODEL.columns]
NUMBERS = ROWS.select(pl.col(NAMES).cast(pl.Float32).fill_null(float("nan"))).to_numpy()
PLACE = {key: row for row, key in enumerate(ROWS.to_series(0).to_list())}
BOOSTER = CatBoost().load_model(os.environ["CBM"])


class Request(BaseModel):
    """One customer."""

    entity_id: int
    amount: float | None = None


class Answer(BaseModel):
    """The probability, and where asked for what made it: by input, or by reason code."""

    probability: float
    reasons: dict[str, float] = {}


class Log:
    """One durable commit for all answers that wait: SQLite with full sync."""

    def __init__(self, file: str) -> None:
        self.database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = FULL")
        self.database.execute("CREATE TABLE IF NOT EXISTS answers (answer BLOB)")
        self.waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def append(self, answer: bytes) -> None:
        """Return when `answer` is on disk."""
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((answer, done))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self.waiting:
            batch, self.waiting = self.waiting, []
            await asyncio.to_thread(self._commit, [(answer,) for answer, _ in batch])
            for _, done in batch:
                done.set_result(None)

    def _commit(self, answers: list[tuple[bytes]]) -> None:
        self.database.execute("BEGIN IMMEDIATE")
        self.database.executemany("INSERT INTO answers VALUES (?)", answers)
        self.database.execute("COMMIT")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the log where there is one."""
    app.state.log = None if DOES == "score" else Log(os.environ["LOG"])
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/score")
async def score(request: Request) -> Answer:
    """The probability of one customer."""
    numbers = NUMBERS[PLACE[request.entity_id]]
    if DOES == "score":
        return Answer(probability=float(BOOSTER.predict(numbers, prediction_type="Probability", thread_count=1)[1]))
    answer = _by_table(numbers) if DOES == "table" else _by_catboost(numbers)
    await app.state.log.append(orjson.dumps({"entity_id": request.entity_id, **answer.model_dump()}))
    return answer


def _by_catboost(numbers: np.ndarray) -> Answer:
    """The SHAP values add up to the log-odds: the model itself need not be asked besides."""
    pool = Pool(FeaturesData(num_feature_data=numbers[None]))
    shap = BOOSTER.get_feature_importance(pool, type="ShapValues", thread_count=1, shap_mode="NoPreCalc")[0]
    reasons = dict(zip(NAMES, shap[:-1].tolist(), strict=True))
    return Answer(probability=float(1 / (1 + np.exp(-shap.sum()))), reasons=reasons)


def _by_table(numbers: np.ndarray) -> Answer:
    contributions, _, _ = MODEL.score_single(numbers)
    reasons = dict(zip(MODEL.codes, contributions.tolist(), strict=False))
    # As the other floors: the model's own probability, not the calibrated one.
    return Answer(probability=float(1 / (1 + np.exp(-MODEL.table.base - contributions.sum()))), reasons=reasons)
