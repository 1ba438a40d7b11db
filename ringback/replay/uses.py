"""When phones were on their own calls or unreachable: what their PBX reported, without our legs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from contracts.gateway import DeviceChanged, DeviceState, Outcome
from contracts.ids import Address, PbxId
from contracts.message import Fact
from ringback.replay.legs import Leg, phone_of

Phone = tuple[PbxId, Address]
USE_SLACK_MS: Final = 1_000
"""A phone in use within a second of our leg's answer, and idle within a second of its end, was used by us."""
TOLD_MS: Final = 200
"""The longest delay of a PBX's report that a phone is in use."""


@dataclass(slots=True, frozen=True)
class Use:
    """From this instant a phone is on its own call, or can't be reached, or neither any more."""

    at: int
    phone: Phone
    is_own_use: bool
    is_unreachable: bool


class Uses:
    """The phones whose state PBXs report."""

    def __init__(self, facts: Iterable[tuple[int, Fact]], legs: Iterable[Leg], end_at: int) -> None:
        told: dict[Phone, list[tuple[int, DeviceState]]] = {}
        for at, fact in facts:
            if isinstance(fact, DeviceChanged):
                told.setdefault((fact.pbx_id, fact.address), []).append((at, fact.state))
        ours: dict[Phone, list[tuple[int, int]]] = {}
        for leg in legs:
            phone = phone_of(leg)
            if phone is not None and leg.answered_at is not None:
                ours.setdefault(phone, []).append((leg.answered_at, leg.ended_at or end_at))
        self.by_phone = {
            phone: list(_own(phone, changes, sorted(ours.get(phone, ())), end_at))
            for phone, changes in told.items()
        }

    def all(self) -> list[Use]:
        """Every change in order of time."""
        return sorted((use for uses in self.by_phone.values() for use in uses), key=lambda use: use.at)

    def explain(self, leg: Leg) -> bool:
        """Whether the phone's own call, which is replayed, explains a busy signal."""
        phone = phone_of(leg)
        has_rung = leg.answered_at is not None or leg.rang_at is not None
        if leg.end is None or leg.end.outcome is not Outcome.BUSY or has_rung:
            return False
        last = None
        for use in self.by_phone.get(phone, ()) if phone is not None else ():
            if use.at <= (leg.ended_at or 0) + TOLD_MS:
                last = use
        return last is not None and last.is_own_use


def _own(
    phone: Phone, changes: list[tuple[int, DeviceState]], ours: list[tuple[int, int]], end_at: int
) -> Iterator[Use]:
    """A phone's changes, without its use by our legs."""
    for number, (at, state) in enumerate(changes):
        until_at = changes[number + 1][0] if number + 1 < len(changes) else end_at
        if state is not DeviceState.IN_USE:
            yield Use(at, phone, is_own_use=False, is_unreachable=state is DeviceState.UNREACHABLE)
            continue
        overlapping = [each for each in ours if each[1] > at and each[0] < until_at]
        yield from _remnants(phone, at, until_at, overlapping)


def _remnants(phone: Phone, at: int, until_at: int, ours: list[tuple[int, int]]) -> Iterator[Use]:
    """The parts of one use that are the phone's own; the next change ends it."""
    if not ours:
        yield Use(at, phone, is_own_use=True, is_unreachable=False)
        return
    free_at = at
    for begun_at, ended_at in ours:
        if begun_at - free_at > USE_SLACK_MS:
            yield Use(free_at, phone, is_own_use=True, is_unreachable=False)
            yield Use(begun_at, phone, is_own_use=False, is_unreachable=False)
        free_at = ended_at
    if until_at - free_at > USE_SLACK_MS:
        # Its beginning during our leg is unknown: assume just before the leg's end, so that the phone is
        # never idle.
        begun_at = max(ours[-1][0], free_at - USE_SLACK_MS)
        yield Use(begun_at, phone, is_own_use=True, is_unreachable=False)
