"""The simulation is not satisfied by doing nothing: planted bugs show (`make sim-mutants` hunts all)."""

import pytest

from tests.sim import mutants
from tests.sim.hunt import betrayed
from tests.sim.mutants import Patch

QUICKLY_FOUND: tuple[Patch, ...] = (
    mutants.a_deadline_skipped,
    mutants.timer_due_dropped_as_an_own_fact,
    mutants.store_write_without_the_version,
)


@pytest.mark.parametrize("mutant", QUICKLY_FOUND, ids=lambda mutant: mutant.__name__)
def test_a_planted_bug_is_betrayed_within_a_few_mornings(mutant: Patch) -> None:
    """A checker that nothing can fail checks nothing."""
    assert betrayed(mutant, seeds_max=5) is not None
