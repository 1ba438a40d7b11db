"""What must be true of any morning: the sentences that the chaos run has, too, and the deadlines."""

from collections.abc import Iterator
from typing import Final

from tests.sim.world import Run
from tools.judging import SENTENCES, Sentence, deadlines_met


def a_deadline_is_met_within_one_ring(run: Run) -> Iterator[str]:
    """Crashes and pauses of processes delay what is due; each is at most so long."""
    yield from deadlines_met(run, slack_ms=60_000 + 30_000 * len(run.crashes))


CHECKERS: Final[tuple[Sentence, ...]] = (*SENTENCES, a_deadline_is_met_within_one_ring)
