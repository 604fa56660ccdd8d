"""What acts may follow which in the chain: marks are never left out again, and books are put on record once."""

from dataclasses import dataclass

from serving.audit.acts import Act
from serving.log.books import ADOPT
from serving.log.erasure import WORDS_ERASED


@dataclass
class Course:
    """The chain's acts up to the last that was asked about."""

    marked: bool = False
    """Whether an act has had a mark: acts of an earlier version are over."""
    adopted: tuple[int, str] | None = None
    """Place and time of the last act that put rows on record as they were found."""

    @property
    def kept(self) -> bool:
        """Whether every row is of an act by now."""
        return self.marked or self.adopted is not None

    def fault(self, act: Act) -> str | None:
        """What an act may not be; such a one vouches for nothing."""
        if act.stored["person"] is None and (act.stored["kind"] != "consent" or act.name == WORDS_ERASED):
            return "its seal is gone, but what it tells is of no customer and is never erased"
        if act.name != ADOPT:
            self.marked = self.marked or bool(act.marked)
            return None
        # One migration's acts stand one after the other, and have one time.
        again = self.adopted is not None and self.adopted != (act.sequence - 1, act.at)
        if self.marked or again:
            return "it puts books on record that were on record: somebody set the log's version back"
        self.adopted = (act.sequence, act.at)
        return None

    def lack(self, act: Act) -> str | None:
        """What an act lacks that those before it have."""
        if act.marked is False and self.marked:
            return "it has no mark, as acts before it have: written by hand, or by a process of an earlier version"
        return None
