"""Planted bugs, one for each wrong behaviour that trials of the product showed: each must be found.

Each one removes a fix.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from contracts.callback import AgentLost, AttemptFailed, CallbackConfirmed, CustomerHeld
from contracts.message import Fact
from contracts.queue import CallbackTakenOver, CustomerOnLine, PlaceTaken
from runtime import erased_numbers
from runtime.decision import NOTHING, Decision, together
from runtime.host.held import Held
from runtime.host.owner import Owner
from runtime.records import Table
from services.callback import decider as callback_decider
from services.callback import rules as callback_rules
from services.callback.decider import apologies, bridges, customer_calls_in, spoken_texts
from services.callback.state import CallbackState
from services.callback.state.records import Callback
from services.gateway import port
from services.gateway.decider import events, resync
from services.gateway.decider.effects import CloseRecording
from services.gateway.decider.gateway_state import GatewayState
from services.queue.decider import (
    _APPLY,
    _DECIDE,
    announcements,
    callbacks,
    customers,
    legs,
    no_answer,
    offering,
)
from services.queue.rules import waiting
from services.queue.state import QueueState
from services.queue.state.customers import Customer
from services.queue.state.early_ends import EarlyEnds
from services.queue.state.records import Leg, LegKind, Phase, Place
from tests.sim.timeline import NEVER


def m1_an_agent_served_before_callbacks_word(patch: pytest.MonkeyPatch) -> None:
    """An agent who drops a callback is rung for another customer before its place is first again."""
    patch.setattr(legs, "_await_callback", lambda *_: None)


def m1_an_agent_who_drops_is_rung_again_and_again(patch: pytest.MonkeyPatch) -> None:
    """The place stays first all that time, so other customers starve."""
    kind: type[Fact] = AgentLost
    apply = _APPLY[kind]

    def forgetful(state: Any, fact: Any) -> None:
        apply(state, fact)
        place = state.places.get(fact.place_id)
        if place is not None:
            state.places.put(msgspec.structs.replace(place, declined=(), is_first=True))

    patch.setitem(_APPLY, kind, forgetful)


def m2_a_farewell_that_waits_for_the_ringing_tone(patch: pytest.MonkeyPatch) -> None:
    """After an attempt has ended, its agent hears a ringing tone and is cut off without a word."""
    play = spoken_texts.play
    patch.setattr(
        spoken_texts,
        "play",
        lambda *given, **more: msgspec.structs.replace(play(*given, **more), interrupts=False),
    )
    patch.setattr(callback_rules, "FAREWELL_MS_MAX", 15_000)


def m3_a_place_that_is_first_for_ever(patch: pytest.MonkeyPatch) -> None:
    """The place stays first although its attempt has ended."""
    waits = callbacks._waiting
    patch.setattr(
        callbacks, "_waiting", lambda place: msgspec.structs.replace(waits(place), is_first=place.is_first)
    )


def m3_a_customer_who_is_dialled_again_without_a_gap(patch: pytest.MonkeyPatch) -> None:
    """The customer was busy, or had hung up."""
    kind: type[Fact] = AttemptFailed
    apply = _APPLY[kind]

    def hasty(state: Any, fact: Any) -> None:
        at = None if fact.next_attempt_at is None else state.now_at
        apply(state, msgspec.structs.replace(fact, next_attempt_at=at))

    patch.setitem(_APPLY, kind, hasty)


def m4_a_merged_callback_that_is_still_the_web_sites(patch: pytest.MonkeyPatch) -> None:
    """Quiet hours hold back a customer who was on the line."""
    change: Any = Table.change

    def without_origin(table: Any, record: Any, **fields: Any) -> Any:
        if isinstance(record, Callback):
            fields.pop("origin", None)
        return change(table, record, **fields)

    patch.setattr(Table, "change", without_origin)


def m5_a_merged_place_that_forgets_the_other_claim(patch: pytest.MonkeyPatch) -> None:
    """The later joining time counts, and the deadline that has passed."""
    for kind in (CallbackConfirmed, CallbackTakenOver):
        apply = _APPLY[kind]

        def forgetful(state: Any, fact: Any, *, apply: Any = apply) -> None:
            place = state.places.get(fact.place_id)
            known = (None, None) if place is None else (place.joined_at, place.deadline_at)
            apply(state, msgspec.structs.replace(fact, joined_at=known[0], deadline_at=known[1]))

        patch.setitem(_APPLY, kind, forgetful)


def m6_a_key_that_does_nothing_while_an_agent_is_there(patch: pytest.MonkeyPatch) -> None:
    """The customer was told to press it."""
    patch.setattr(customers, "join_attempt", lambda *_: NOTHING)


def m7_a_talk_that_ends_no_callback(patch: pytest.MonkeyPatch) -> None:
    """The customer is called back after a talk."""
    patch.setattr(customers, "talked", lambda *_: NOTHING)


def m7_a_talk_during_an_attempt_that_ends_no_callback(patch: pytest.MonkeyPatch) -> None:
    """An agent who waits for the customer's key calls back whom a colleague has just talked to."""
    patch.setattr(customers, "STANDING", (Phase.WAITING, Phase.EXPIRED))


def m8_a_limit_that_counts_before_the_customer_is_told(patch: pytest.MonkeyPatch) -> None:
    """The customer is sent away although a callback waits."""
    patch.setattr(waiting, "is_full", lambda *_: False)


def m9_a_customer_who_is_called_while_on_the_line(patch: pytest.MonkeyPatch) -> None:
    """The customer waits in another department, or in a new place of the same one."""
    patch.setattr(Customer, "is_engaged", lambda *_: False)


def m10_agents_rung_for_a_number_that_may_not_be_dialled(patch: pytest.MonkeyPatch) -> None:
    """The agents hear of a customer who is then not called."""
    patch.setattr(QueueState, "may_call", lambda *_: True)


def m11_an_apology_however_late(patch: pytest.MonkeyPatch) -> None:
    """The apology became due while the PBX was away, and is dialled at one in the morning."""
    patch.setattr(callback_rules, "APOLOGY_LATE_MS", NEVER)
    patch.setattr(callback_rules, "APOLOGY_QUIET_LATE_MS", NEVER)


def m12_second_tries_before_first_calls(patch: pytest.MonkeyPatch) -> None:
    """The last of many customers gets a first call only after all others' second calls."""

    def by_deadline(state: Any, pbx_id: Any) -> Decision:
        if state.is_away(pbx_id):
            return NOTHING
        ready = sorted(state.apologies_ready.get(pbx_id, ()), key=lambda each: each[1:])
        free = max(0, state.pbx(pbx_id).apologies_at_once_max - state.lines_taken.get(pbx_id, 0))
        return together(apologies._dial(state, state.callbacks[each[2]]) for each in ready[:free])

    patch.setattr(apologies, "dial_ready", by_deadline)


def m13_a_step_that_any_end_frees(patch: pytest.MonkeyPatch) -> None:
    """Cumulative: the first agent declines at 13 s, and the third is rung at once."""
    note = offering._note_end_on_place

    def freeing(state: Any, place: Any, offer: Any, fact: Any) -> None:
        note(state, place, offer, fact)
        state.places.put(msgspec.structs.replace(state.places[place.place_id], is_step_open=True))
        state.drop_timer("step", place.place_id)

    patch.setattr(offering, "_note_end_on_place", freeing)


def m15_an_agent_left_alone_with_a_second_order(patch: pytest.MonkeyPatch) -> None:
    """Whoever ordered again has hung up, an agent has accepted, and callback, which was behind, confirms."""
    kind: type[Fact] = CallbackConfirmed
    decide = _DECIDE[kind]

    def whoever_is_there(state: Any, fact: Any) -> Decision:
        place = state.places.get(fact.new_place_id)
        return NOTHING if place is not None and place.phase is Phase.ACCEPTED else decide(state, fact)

    patch.setitem(_DECIDE, kind, whoever_is_there)


def m16_a_leg_that_was_over_before_it_was_spoken_of(patch: pytest.MonkeyPatch) -> None:
    """Its customer is engaged for ever, or its agent busy: the end came first, and does not come again."""
    patch.setattr(EarlyEnds, "take", lambda *_: False)


def m17_a_bridge_taken_apart_by_who_was_away(patch: pytest.MonkeyPatch) -> None:
    """Callback hears late that the customer answered, bridges, and its timer is over at that instant."""
    patch.setattr(bridges, "await_bridge_again", lambda *_: None)


def m18_a_key_that_comes_too_late_and_is_met_with_silence(patch: pytest.MonkeyPatch) -> None:
    """Another caller of that number has taken the callback's place, or the callback has ended."""
    patch.setattr(announcements, "key_came_too_late", lambda *_: NOTHING)


def m19_an_erased_customer_against_whom_nothing_stands(patch: pytest.MonkeyPatch) -> None:
    """Without the number neither policy nor another call of the customer holds the callback back."""
    patch.setattr(Place, "is_erased", False)
    may_call = QueueState.may_call
    patch.setattr(QueueState, "may_call", lambda state, place: place.caller is None or may_call(state, place))


def m20_an_erased_number_that_is_taken_up_again(patch: pytest.MonkeyPatch) -> None:
    """Queue is late, and tells of a «1» of before the erasure; callback has forgotten that there was one."""
    patch.setattr(erased_numbers, "is_erased", lambda *_: False)


def m21_a_command_dropped_by_who_has_lost_the_pbx(patch: pytest.MonkeyPatch) -> None:
    """It seems too early to a gateway that slept while another one answered those before it."""
    take_on = GatewayState.take_on

    def dropping(self: GatewayState, key: Any, ref: int, cause: str) -> bool:
        is_taken = take_on(self, key, ref, cause)
        self.drop_early(self._seq + 1)
        return is_taken

    patch.setattr(GatewayState, "take_on", dropping)


def m22_a_customer_who_is_dialled_after_a_talk_because_queue_is_away(patch: pytest.MonkeyPatch) -> None:
    """Callback waits for queue's word for two seconds, and takes its silence for a no."""
    patch.setattr(customer_calls_in, "has_talked", lambda _: False)


def m23_a_customer_of_whose_calls_only_the_newest_counts(patch: pytest.MonkeyPatch) -> None:
    """It ends, and callback dials, although an older one is up."""
    kind: type[Fact] = CustomerOnLine
    apply = callback_decider._APPLY[kind]

    def forgetful(state: Any, fact: Any) -> None:
        apply(state, fact)
        callback = state.callbacks.get(fact.callback_id)
        if callback is not None and callback.other_live_legs:
            state.callbacks.change(callback, live_leg_id=fact.leg_id, other_live_legs=())

    patch.setitem(callback_decider._APPLY, kind, forgetful)


def m24_a_recording_given_up_since_its_leg_is_gone(patch: pytest.MonkeyPatch) -> None:
    """The gateway did not hear that it was begun, and asks for it again."""
    patch.setattr(resync, "_drop_begun", lambda *_: None)


def m25_a_recording_that_is_lost_because_no_list_has_it(patch: pytest.MonkeyPatch) -> None:
    """A request of a process that has died was still on its way to the PBX."""

    def comparing(state: GatewayState, now: int, there: port.PbxThere) -> None:
        listed = {each.recording_id for each in there.recordings}
        for recording_id in [each for each in state.recordings if each not in listed]:
            recording = state.recordings[recording_id]
            if recording.is_started and not (recording.is_spooled or recording.is_finished):
                lost = CloseRecording(recording_id=recording_id, bytes=None, cause=port.Cause.CUT_OFF)
                state.effects.append(lost)
        resync.pbx_there(state, now, there)

    patch.setattr(events, "pbx_there", comparing)


def m26_a_timer_that_nobody_waits_for(patch: pytest.MonkeyPatch) -> None:
    """It falls due while records gather: after timers were rung, before the host waits for the next one."""
    wait_ms = Owner._wait_ms

    def waiting(self: Owner, held: Held) -> int:
        self._rung_until = self._now(held)
        return wait_ms(self, held)

    patch.setattr(Owner, "_wait_ms", waiting)


def m27_a_talk_that_outlives_its_attempt(patch: pytest.MonkeyPatch) -> None:
    """The customer calls in during the next attempt, and that call counts as one beside the talk."""
    patch.delitem(customer_calls_in.NO_CALLS, "live_bridged_at")


def m28_a_limit_that_counts_for_who_is_beyond_it(patch: pytest.MonkeyPatch) -> None:
    """Where more wait than it allows, a caller with a callback is sent away and not told of it."""
    kind: type[Fact] = PlaceTaken
    decide = _DECIDE[kind]

    def counting(state: QueueState, fact: PlaceTaken) -> Decision:
        place = state.places.get(fact.place_id)
        if place is None or not place.is_beyond_limit:
            return decide(state, fact)
        waiting_max = state.departments[place.department_id].saved.waiting_max or 0
        full = waiting.callers(state, place) > waiting_max
        return together((decide(state, fact), no_answer.full(state, place) if full else NOTHING))

    patch.setitem(_DECIDE, kind, counting)


def m29_a_leg_that_is_nobodys_when_one_callback_lets_go_of_it(patch: pytest.MonkeyPatch) -> None:
    """It is the apology of another callback of that customer, and what is heard of it is lost."""
    forget = CallbackState._forget

    def forgetful(self: CallbackState, old: Callback) -> None:
        forget(self, old)
        for leg_id in old.calls_in():
            self._of_leg.pop(leg_id, None)

    patch.setattr(CallbackState, "_forget", forgetful)


def m30_a_leg_that_is_held_although_it_is_over(patch: pytest.MonkeyPatch) -> None:
    """It is on the line for ever, and its number engaged."""
    kind: type[Fact] = CustomerHeld
    apply = _APPLY[kind]

    def holding(state: Any, fact: Any) -> None:
        place = state.places.get(fact.place_id)
        if place is not None and fact.leg_id not in state.legs:
            leg = Leg(fact.leg_id, LegKind.CUSTOMER, place.pbx_id, place.place_id, number=place.caller)
            state.legs.put(leg)
        apply(state, fact)

    patch.setitem(_APPLY, kind, holding)


BROKEN_PROMISES: Final[tuple[Callable[[pytest.MonkeyPatch], None], ...]] = (
    m1_an_agent_served_before_callbacks_word,
    m1_an_agent_who_drops_is_rung_again_and_again,
    m2_a_farewell_that_waits_for_the_ringing_tone,
    m3_a_place_that_is_first_for_ever,
    m3_a_customer_who_is_dialled_again_without_a_gap,
    m4_a_merged_callback_that_is_still_the_web_sites,
    m5_a_merged_place_that_forgets_the_other_claim,
    m6_a_key_that_does_nothing_while_an_agent_is_there,
    m7_a_talk_that_ends_no_callback,
    m7_a_talk_during_an_attempt_that_ends_no_callback,
    m8_a_limit_that_counts_before_the_customer_is_told,
    m9_a_customer_who_is_called_while_on_the_line,
    m10_agents_rung_for_a_number_that_may_not_be_dialled,
    m11_an_apology_however_late,
    m12_second_tries_before_first_calls,
    m13_a_step_that_any_end_frees,
    m15_an_agent_left_alone_with_a_second_order,
    m16_a_leg_that_was_over_before_it_was_spoken_of,
    m17_a_bridge_taken_apart_by_who_was_away,
    m18_a_key_that_comes_too_late_and_is_met_with_silence,
    m19_an_erased_customer_against_whom_nothing_stands,
    m20_an_erased_number_that_is_taken_up_again,
    m21_a_command_dropped_by_who_has_lost_the_pbx,
    m22_a_customer_who_is_dialled_after_a_talk_because_queue_is_away,
    m23_a_customer_of_whose_calls_only_the_newest_counts,
    m24_a_recording_given_up_since_its_leg_is_gone,
    m25_a_recording_that_is_lost_because_no_list_has_it,
    m26_a_timer_that_nobody_waits_for,
    m27_a_talk_that_outlives_its_attempt,
    m28_a_limit_that_counts_for_who_is_beyond_it,
    m29_a_leg_that_is_nobodys_when_one_callback_lets_go_of_it,
    m30_a_leg_that_is_held_although_it_is_over,
)
