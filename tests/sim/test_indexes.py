"""Indexes are derived from records: a state that was loaded anew has the same as one that heard every fact.

Where two records share what an index finds, one that keeps a single one of them differs once either is gone:
then two owners of a partition decide differently.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from sortedcontainers import SortedDict, SortedList, SortedSet

from devtools.oracle import Replay
from runtime.decision import Decider
from runtime.records import State, Table
from services.queue.state.customers import Customer, Customers
from tests.sim import bent_workloads
from tests.sim.world import CALMER, DECIDERS, STORMY, Run, simulate

EVERY: Final = 53
"""Facts between two looks, which cost as much as a hundred facts."""
OF_ONE_STEP: Final = frozenset(
    {
        "cause", "erased", "tables",  # every state's
        "ended_leg", "talk_over", "touched", "touched_by", "settled",  # queue's
        "barred_in_step", "ended_call_of", "erasing",  # callback's
        "try_with_leg_gone",  # routing's
    }
)  # fmt: skip
"""What is for one step only, and never stored."""


def _comparable(found: Any) -> Any:
    """A value in which only the order that an index promises counts, and nothing empty."""
    match found:
        case Customers():
            return {number: _of(customer) for number, customer in found.known()}
        case Table():
            return list(found)
        case dict() | SortedDict():
            items = {key: _comparable(each) for key, each in found.items()}
            return {key: each for key, each in items.items() if each not in (None, {}, [], 0)}
        case set() | frozenset() | SortedSet():
            return sorted(found)
        case list() | tuple() | SortedList():
            return [_comparable(each) for each in found]
        case str() | bytes() | int() | None | msgspec.Struct():
            return found
        case _ if hasattr(found, "__dict__"):
            # An index of its own, as the earliest of something; its functions have no state.
            return {name: _comparable(each) for name, each in vars(found).items() if not callable(each)}
        case _:
            raise TypeError(f"a state has a {type(found).__name__}: say here how two of them compare")


def _of(customer: Customer) -> Any:
    return {name: sorted(getattr(customer, name), key=str) for name in Customer.__slots__}


def _loaded(decider: Decider[Any], state: State) -> State:
    """The same state, from what the store has of it."""
    fresh: State = decider.new_state()
    fresh.load(
        {
            f"{table.name}/{getattr(each, table.record_type.__struct_fields__[0])}": table.encoded(each)
            for table in state.tables.values()
            for each in table
        }
    )
    fresh.now_at = state.now_at
    return fresh


def _differing(run: Run, decider: Decider[Any]) -> Iterator[str]:
    replay = Replay(decider)
    for number, record in enumerate(run.facts):
        replay.hear(record)
        if number % EVERY and record is not run.facts[-1]:
            continue
        loaded = vars(_loaded(decider, replay.state))
        for name, here in vars(replay.state).items():
            if name not in OF_ONE_STEP and _comparable(here) != _comparable(loaded[name]):
                yield f"{decider.name}.{name} after {record.offset}: {here!r} here, {loaded[name]!r} loaded"


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("decider", DECIDERS, ids=lambda each: each.name)
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_state_that_was_loaded_anew_has_the_same_indexes(seed: int, decider: Decider[Any]) -> None:
    """In the middle of storms, of days on which deciders are behind, and of dropped callbacks."""
    days = (bent_workloads.of_late_deciders, bent_workloads.of_dropped_callbacks)
    runs = (simulate(seed, STORMY), *(simulate(seed, CALMER, bend=each) for each in days))
    assert [wrong for run in runs for wrong in _differing(run, decider)][:1] == []
