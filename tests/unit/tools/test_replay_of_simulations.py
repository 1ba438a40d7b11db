"""The model against mornings that it did not make: real host, real gateway, every habit of the simulation."""

from functools import lru_cache

import msgspec
import pytest

from contracts.directory import CallbackAsked, DepartmentSaved, ResponsibleSaved
from contracts.history import CustomerErased
from ringback.log import Reading
from ringback.log_stretch import Stretch
from ringback.replay import figures
from ringback.replay.model import replayed
from ringback.replay.recorded import record
from ringback.why.places import places
from ringback.why.watching import watch
from services.gateway.simulated.script import Network
from tests.sim import direct
from tests.sim.virtual_time import START_MS
from tests.sim.workload import ORGANIZATION, Workload, workload
from tests.sim.world import CALM, simulate

SEED_LAST = 70
"""Some fifteen of these are such mornings: enough for every habit, and every way a place can end."""
PLACES_SAME_MIN = 0.9
"""A few milliseconds decide who is first at a deadline: there the recording tossed a coin."""


def calm_seeds() -> list[int]:
    """Mornings on which no reply is lost: the model knows no others (docs/what-if.md)."""
    mornings = ((seed, workload(seed, START_MS)) for seed in range(1, SEED_LAST))
    return [
        seed
        for seed, morning in mornings
        if all(pbx.network == Network() for pbx in morning.script.pbxs.values())
    ]


def habits(seed: int) -> set[str]:
    """What a seed's morning has beside callers in queues."""
    morning = workload(seed, START_MS)
    departments = [fact for fact in morning.book if isinstance(fact, DepartmentSaved)]
    lines = {call.line for pbx in morning.script.pbxs.values() for call in pbx.calls}
    found = {
        "direct calls": not lines.isdisjoint(direct.LINES),
        "a responsible manager": any(isinstance(fact, ResponsibleSaved) for fact in morning.book),
        "orders by the API": any(isinstance(fact, CallbackAsked) for _, fact in morning.changes),
        "callbacks for who hung up": any(each.callback.from_abandoned for each in departments),
        "recorded calls": any(each.records_calls for each in departments),
    }
    return {name for name, is_there in found.items() if is_there}


@lru_cache(maxsize=1)
def mornings() -> tuple[Stretch, ...]:
    """The logs of calm mornings."""
    return tuple(_log(seed) for seed in calm_seeds())


def _with_nobody_erased(morning: Workload) -> Workload:
    """The model replays what customers and agents do: nobody who is erased can be followed."""
    changes = tuple(each for each in morning.changes if not isinstance(each[1], CustomerErased))
    return msgspec.structs.replace(morning, changes=changes)


def _log(seed: int) -> Stretch:
    readings = (
        Reading(partition=0, offset=each.offset, at=each.at, envelope=each.envelope, fact=each.fact)  # type: ignore[arg-type]  # the simulation's instants are ints
        for each in simulate(seed, CALM, bend=_with_nobody_erased).facts
        if each.envelope.organization_id == ORGANIZATION
    )
    return Stretch(organization_id=ORGANIZATION, readings=tuple(readings), is_whole=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_other_settings_the_model_repeats_calm_mornings() -> None:
    """Waits, abandons and expiries, place by place, within two seconds and what services stood still for."""
    assert len(set().union(*(habits(seed) for seed in calm_seeds()))) == 5
    places_all, differing, same_mornings = 0, [], 0
    for number, stretch in zip(calm_seeds(), mornings(), strict=True):
        recorded = record(stretch)
        happened, model = figures.of(recorded.facts), figures.of(replayed(recorded))
        found = figures.differences(happened, model, stalls=recorded.stalls)
        places_all += len(happened.places)
        differing += [f"seed {number}: {each}" for each in found]
        if not found:
            same_mornings += 1
            assert _counts(happened) == _counts(model), f"seed {number}"
    assert places_all > 60
    assert len(differing) <= places_all * (1 - PLACES_SAME_MIN), differing
    assert same_mornings > len(mornings()) / 2, differing


def _counts(run: figures.Run) -> dict[str, int | None]:
    """How many ended how; offers are not among them: who is rung a moment longer changes nobody's wait."""
    ends = ("talked", "abandoned", "deadline", "   expired", "   unreached", "callbacks", "no-answer")
    return {each.name: each.number for each in figures.figures(run) if each.name.startswith(ends)}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_place_of_a_morning_can_be_asked_why() -> None:
    """To its end, with nobody's time unaccounted for."""
    for stretch in mornings()[:3]:
        for place_id in places(stretch):
            watched = watch(stretch, place_id)
            assert watched.end is not None, place_id
            assert watched.left_out == 0
