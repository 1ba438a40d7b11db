"""The operator removes an organization: every service forgets it."""

from typing import Any

import pytest

from contracts.ids import Instant
from devtools import record_samples
from runtime.decision import Decider, step
from tests import offices

DECIDERS = record_samples.deciders()


@pytest.mark.rule("O1")
@pytest.mark.parametrize("decider", DECIDERS, ids=[each.name for each in DECIDERS])
def test_no_record_of_a_removed_organization_stays(decider: Decider[Any]) -> None:
    """Neither places nor customers' numbers nor timers: a store that keeps them keeps them for ever."""
    state = decider.new_state()
    state.load({f"{name}/one": record_samples.sample(table) for name, table in state.tables.items()})
    assert all(len(table) for table in state.tables.values())
    fact = offices.organization("org", version=9, is_suspended=True, is_removed=True)
    decision = step(decider, state, fact, at=Instant(1), cause="x")
    assert {name: len(table) for name, table in state.tables.items() if len(table)} == {}
    assert not decision.commands
