"""Planted bugs, one for each part of the design that seeds showed to be necessary: each must be found.

A mutant patches the real code during a run. Its name says what it breaks.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from contracts import gateway as facts
from contracts.codec import envelope, headers
from runtime import memory
from runtime.edge import LeftToAnother
from runtime.host import hearing, numbering, outbox, owner, parking, reader, said_already, timers
from runtime.host.held import Held
from runtime.ports import LogUnavailable, Refused
from runtime.records import State
from services.gateway.activities.outbox import Outbox
from services.gateway.activities.pbx_runner import PbxRunner
from services.gateway.decider import commands, recovery, resync
from services.gateway.decider.gateway import Gateway
from services.gateway.decider.gateway_state import GatewayState
from services.queue.decider import _APPLY_TIMER
from services.queue.rules import agent_selection
from tests.sim.case_mutants import BROKEN_PROMISES

Patch = Callable[[pytest.MonkeyPatch], None]


def say_before_storing(patch: pytest.MonkeyPatch) -> None:
    """After a crash between the two, the next owner says something different."""
    store_then_say = Held.store_then_say

    async def said_first(self: Held) -> None:
        await outbox.send(self.ports.log, self.partition, self.batch.outbox())
        await store_then_say(self)

    patch.setattr(Held, "store_then_say", said_first)


def store_write_without_the_epoch_or_version(patch: pytest.MonkeyPatch) -> None:
    """The store accepts a zombie's write, or one after a rollback."""

    def unguarded(self: memory.MemoryStore, partition: int, epoch: str, version: str) -> Any:
        return self.stored.setdefault(partition, memory.StoredPartition())

    patch.setattr(memory.MemoryStore, "_guarded", unguarded)


def store_write_without_the_version(patch: pytest.MonkeyPatch) -> None:
    """A store that went back in time is written as if it had not."""

    def by_epoch(self: memory.MemoryStore, partition: int, epoch: str, version: str) -> Any:
        found = self.stored.setdefault(partition, memory.StoredPartition())
        if found.epoch not in (epoch, None):
            raise Refused("another epoch")
        return found

    patch.setattr(memory.MemoryStore, "_guarded", by_epoch)


def a_claim_that_decides_what_the_log_already_says(patch: pytest.MonkeyPatch) -> None:
    """After a rollback the same record is decided on twice."""
    patch.setattr(said_already.SaidAlready, "note", lambda self, fact, numbers: None)
    patch.setattr(hearing.Hearing, "_confirm", lambda self, heard, numbers: "own")


def facts_of_a_step_sent_singly(patch: pytest.MonkeyPatch) -> None:
    """A crash in between leaves half a step on the log."""

    async def singly(log: Any, partition: int, found: Any) -> None:
        commands_first = [each for each in found if each.step < 0]
        if commands_first:
            await log.send(commands_first)
        for each in found:
            if each.step >= 0:
                await log.append(partition, [each])

    patch.setattr(outbox, "send", singly)


def a_reader_that_accepts_any_higher_seq(patch: pytest.MonkeyPatch) -> None:
    """If facts are sent past a failed one, the missing fact is skipped for good."""
    patch.setattr(
        numbering.Numbering,
        "is_early",
        lambda self, source, seq: seq <= self.heard.get(source, (0, 0))[1],
    )
    an_outbox_that_goes_on_past_a_failed_send(patch)


def an_outbox_that_goes_on_past_a_failed_send(patch: pytest.MonkeyPatch) -> None:
    """Later facts are said, the failed one is not."""

    async def past_failures(log: Any, partition: int, found: Any) -> None:
        for batch in ([each] for each in found if each.step < 0):
            try:
                await log.send(batch)
            except LogUnavailable:
                continue
        for batch in outbox.batches([each for each in found if each.step >= 0]):
            try:
                await log.append(partition, batch)
            except LogUnavailable:
                continue

    patch.setattr(outbox, "send", past_failures)


def timer_due_dropped_as_an_own_fact(patch: pytest.MonkeyPatch) -> None:
    """No deadline ever comes."""
    patch.setattr(owner, "is_hosts", lambda heard, service: heard.type == "log.timer_due")


def timers_in_memory_only(patch: pytest.MonkeyPatch) -> None:
    """After a claim an idle organization never wakes."""
    made = timers.DueIndex.__init__
    patch.setattr(timers.DueIndex, "__init__", lambda self, stored: made(self, {}))


def timer_due_appended_once(patch: pytest.MonkeyPatch) -> None:
    """With a clock that is ahead, the only `timer_due` comes too early and is lost."""

    def once(self: timers.Asked, organization_id: Any, state: Any, timer: Any, elapsed: float) -> float:
        is_asked = (organization_id, timer.timer_id, timer.due_at) in self._asked
        return math.inf if is_asked else 0.0

    patch.setattr(timers.Asked, "_again_at", once)
    # Without repeats there is no need to wake up for them.
    patch.setattr(timers.Asked, "next_at", lambda self: None)


def a_decider_that_does_not_check_which_timer_fired(patch: pytest.MonkeyPatch) -> None:
    """A clock that is ahead, or an old timer, ends a wait too early."""
    patch.setattr(State, "awaits", lambda self, due: due.timer_id in self.timers)


def a_deadline_skipped(patch: pytest.MonkeyPatch) -> None:
    """A customer waits for ever."""
    patch.setitem(_APPLY_TIMER, "deadline", lambda state, due: None)


def records_of_the_old_fetch_position_accepted(patch: pytest.MonkeyPatch) -> None:
    """Records are skipped, or heard as if they were later ones."""

    async def whatever(self: reader.Reader, offset: int, *, wait_ms: int) -> Any:
        found = await self._log.read(self._partition, offset, records_max=self._records_max, wait_ms=wait_ms)
        return [msgspec.structs.replace(each, offset=offset + index) for index, each in enumerate(found)]

    patch.setattr(reader.Reader, "read", whatever)


def dial_before_reading_the_request_back(patch: pytest.MonkeyPatch) -> None:
    """Two gateways dial the same leg, or one dials an unrecorded leg."""
    dial = commands._dial

    def at_once(state: GatewayState, now: int, key: Any, command: Any) -> None:
        dial(state, now, key, command)
        leg = state.legs.get(command.leg_id)
        if leg is not None:
            commands.dial_requested(state, now, leg)

    patch.setattr(commands, "_dial", at_once)


def dial_without_a_request(patch: pytest.MonkeyPatch) -> None:
    """After a crash the leg is not known to be dialled, and is dialled again."""
    say = GatewayState.say

    def silent(self: GatewayState, fact: Any, key: Any = None) -> None:
        if not isinstance(fact, facts.LegRequested):
            say(self, fact, key)

    patch.setattr(GatewayState, "say", silent)
    dial_before_reading_the_request_back(patch)


def a_gateway_that_ignores_a_newer_claim(patch: pytest.MonkeyPatch) -> None:
    """A zombie goes on speaking for a PBX that has another owner."""
    hear = Gateway.hear

    def deaf(self: Gateway, now: int, envelope: Any, fact: Any, *, offset: int, at: Any) -> None:
        if isinstance(fact, facts.PbxClaimed):
            return
        hear(self, now, envelope, fact, offset=offset, at=at)

    patch.setattr(Gateway, "hear", deaf)


def a_gateway_that_sends_past_a_failed_fact(patch: pytest.MonkeyPatch) -> None:
    """The failed fact is never said."""
    said = Outbox._is_said

    async def past_failures(self: Outbox, machine: Any, box: Any, batch: Any) -> bool:
        try:
            await self._ports.say(
                tuple(each.fact for each in batch),
                organization_id=machine.organization_id,
                source=machine.source,
                cause=batch[0].cause,
                seq=batch[0].seq,
                incarnation=machine.incarnation or 0,
            )
        except Exception:  # noqa: BLE001  # the bug that is planted
            return True
        return True

    assert said is not None
    patch.setattr(Outbox, "_is_said", past_failures)


def a_gateway_that_forgets_what_it_requested(patch: pytest.MonkeyPatch) -> None:
    """A request without a live leg and an end is not reported lost: its leg never ends."""
    recall = recovery.recall

    def forgetful(state: GatewayState, fact: Any, at: Any) -> None:
        if not isinstance(fact, facts.LegRequested):
            recall(state, fact, at)

    patch.setattr(recovery, "recall", forgetful)


def own_facts_judged_by_their_seq(patch: pytest.MonkeyPatch) -> None:
    """`timer_due` has no number, and a filter on numbers drops it."""
    accept = hearing.Hearing._accept

    def filtered(self: hearing.Hearing, heard: Any, numbers: Any) -> str:
        if heard.type == hearing.TIMER_DUE and numbers.is_repeat(heard.source, 0, heard.seq):
            return "repeat"
        return accept(self, heard, numbers)

    patch.setattr(hearing.Hearing, "_accept", filtered)


def a_parked_organization_that_shares_its_numbering(patch: pytest.MonkeyPatch) -> None:
    """The alarm takes a number that the next fact of the organization has, too."""
    park = parking.park

    async def numbered(held: Any, heard: Any, error: Any, batch: Any) -> None:
        await park(held, heard, error, batch)
        alarm = batch.facts[-1]
        named = envelope(alarm.headers)
        seq = batch.touched[heard.organization_id].numbers.said_facts() + 1
        own = msgspec.structs.replace(named, seq=seq)
        batch.facts[-1] = msgspec.structs.replace(alarm, headers=tuple(headers(own)))

    patch.setattr(owner, "park", numbered)


def a_set_iterated(patch: pytest.MonkeyPatch) -> None:
    """The order of the skipped agents in a fact depends on the process."""
    skipped = agent_selection.skipped
    patch.setattr(agent_selection, "skipped", lambda *given: tuple(set(skipped(*given))))


def a_gateway_that_keeps_what_it_lost(patch: pytest.MonkeyPatch) -> None:
    """It claims a PBX again and again whose commands another one has."""

    async def kept(self: PbxRunner) -> None:
        pass

    patch.setattr(PbxRunner, "let_go", kept)


def a_command_that_counts_as_done_when_it_is_left(patch: pytest.MonkeyPatch) -> None:
    """Its offset is committed, and the next owner never reads it."""
    command = PbxRunner.command

    async def done(self: PbxRunner, heard: Any) -> None:
        with contextlib.suppress(LeftToAnother):
            await command(self, heard)

    patch.setattr(PbxRunner, "command", done)


def a_successor_that_fetches_no_recording(patch: pytest.MonkeyPatch) -> None:
    """What its predecessor had closed and not stored lies on another volume, and with the PBX for ever."""
    patch.setattr(Gateway, "fetch_anew", lambda self, here: ())


def a_successor_that_leaves_a_recording_half_sent(patch: pytest.MonkeyPatch) -> None:
    """A slow PBX was sending it to its predecessor; nobody asks for the rest, and it is never told."""
    patch.setattr(resync, "fetch_awaited", lambda state, now, recording: None)


def a_gateway_that_asks_before_the_log_shows_that_it_may(patch: pytest.MonkeyPatch) -> None:
    """It was cut off, reaches the PBX before the log, and hangs up calls of the next owner as unknown."""
    patch.setattr(GatewayState, "may_ask", property(lambda self: bool(self.is_there)))


def a_gateway_that_does_not_notice_that_it_slept(patch: pytest.MonkeyPatch) -> None:
    """What it reads first when it wakes is its own request, of a leg that its successor has told as lost."""
    patch.setattr(Gateway, "doubt", lambda self: None)


MUTANTS: Final[tuple[Patch, ...]] = (
    say_before_storing,
    store_write_without_the_epoch_or_version,
    store_write_without_the_version,
    a_claim_that_decides_what_the_log_already_says,
    facts_of_a_step_sent_singly,
    a_reader_that_accepts_any_higher_seq,
    an_outbox_that_goes_on_past_a_failed_send,
    timer_due_dropped_as_an_own_fact,
    own_facts_judged_by_their_seq,
    timers_in_memory_only,
    timer_due_appended_once,
    a_decider_that_does_not_check_which_timer_fired,
    a_deadline_skipped,
    records_of_the_old_fetch_position_accepted,
    dial_before_reading_the_request_back,
    dial_without_a_request,
    a_gateway_that_ignores_a_newer_claim,
    a_gateway_that_sends_past_a_failed_fact,
    a_gateway_that_forgets_what_it_requested,
    a_parked_organization_that_shares_its_numbering,
    a_set_iterated,
    a_gateway_that_keeps_what_it_lost,
    a_command_that_counts_as_done_when_it_is_left,
    a_successor_that_fetches_no_recording,
    a_successor_that_leaves_a_recording_half_sent,
    a_gateway_that_asks_before_the_log_shows_that_it_may,
    a_gateway_that_does_not_notice_that_it_slept,
    *BROKEN_PROMISES,
)
