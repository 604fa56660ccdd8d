"""How many requests a worker takes on at once: fewer while answers wait, and always a reserve for decisions."""

from dataclasses import dataclass, field

INTERVAL = 0.1  # seconds
REST = 1.0  # seconds without a decision, after which there is no queue that an interval could tell of
FEWEST = 8  # always taken on: without answers nobody would learn that the queue is gone
OTHERS = 8  # one part in so many is for what is not a decision
DECIDING = ("/decisions", "/propensities")


def is_decision(method: str, path: str) -> bool:
    """Whether someone waits at a checkout for this one; readings, lists and batches can come again later."""
    return method == "POST" and path.endswith(DECIDING)


@dataclass
class Shedding:
    """Counts requests at once and says when one is too many; belongs to one event loop.

    By Little's law the time that answers take grows with the queue that they stand in. When those of an interval took
    longer than `queue_seconds` on average, the limit is halved; after one that went well, or in which nobody
    has waited for a decision for a while, it grows by an eighth of `most`.
    """

    most: int
    queue_seconds: float
    limit: int = field(init=False)
    running: int = field(default=0, init=False)
    others: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _quiet: float = field(default=0.0, init=False)
    _spent: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.limit = self.most

    def admit(self, decision: bool, at: float) -> bool:
        """Take a request on at the monotonic time `at`, unless it is one too many; `done` must follow."""
        if self.limit < self.most and self.running == self.others:
            self._rest(at)
        if self.running >= self.limit or (not decision and self.others >= max(1, self.limit // OTHERS)):
            return False
        self.running += 1
        self.others += not decision
        return True

    def done(self, decision: bool, seconds: float, at: float) -> None:
        """A request was answered after `seconds`, at the monotonic time `at`."""
        self.running -= 1
        self.others -= not decision
        if not decision:
            return
        self._quiet = at
        self._spent.append(seconds)
        if at - self._began >= INTERVAL:
            slow = sum(self._spent) > self.queue_seconds * len(self._spent)
            self.limit = max(FEWEST, self.limit // 2) if slow else self.limit + max(1, self.most // 8)
            self.limit = min(self.limit, self.most)
            self._began, self._spent = at, []

    def _rest(self, at: float) -> None:
        """Grow by the time in which no decision was in hand: there is no queue then, whoever stood in it before."""
        since = max(self._quiet + REST, self._began)
        if (intervals := int((at - since) / INTERVAL)) > 0:
            self.limit = min(self.most, self.limit + intervals * max(1, self.most // 8))
            self._began, self._spent = since + intervals * INTERVAL, []
