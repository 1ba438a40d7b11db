"""The invariants of any morning: those shared with the chaos run, and the simulation's own."""

from collections.abc import Iterator
from typing import Final

from contracts import codec
from contracts.gateway import Bridged, CommandRefused, LegEnded
from contracts.history import CustomerErased
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.telephony import DialLeg, HangUp
from devtools.invariants import SENTENCES, Sentence, deadlines_met
from services.queue.service import SERVICE as QUEUE
from tests.sim.customer_invariants import PROMISES
from tests.sim.gateway_invariants import SENTENCES_OF_GATEWAYS
from tests.sim.history_invariants import history_tells_everything_once, the_present_is_the_queues
from tests.sim.timeline import timeline
from tests.sim.turn_invariants import TURNS
from tests.sim.world import RESTARTED, Run, Said

TIMER_LATE_MS_MAX: Final = 1_500
"""Records gather for a tenth of a second; one that rang a millisecond early rings again a second later."""


def a_deadline_is_met_within_one_ring(run: Run) -> Iterator[str]:
    """Crashes and pauses of processes delay deadlines, each by a limited time.

    Restarts in the aftermath are no excuse: a process restarted in a silence asks for due timers at once.
    """
    crashes = [each for each in run.crashes if RESTARTED not in each]
    # A gateway that is cut off is no crash, and nobody else knows how a ringing phone fares.
    outages = run.outages if run.gateways > 1 else ()
    yield from deadlines_met(run, slack_ms=60_000 + 30_000 * len(crashes), outages=outages)


def a_timer_rings_when_it_is_due(run: Run) -> Iterator[str]:
    """Whether others talk at that moment or nobody does (Q5, Q12).

    Of a service that died, or lost its store, another process looks after the timers, which takes its time.
    """
    line = timeline(run)
    rung: set[tuple[str, str, int]] = set()
    excused = {each: _has_died(run, each) for each in run.stores}
    for each in run.facts:
        fact = each.fact
        if not isinstance(fact, TimerDue):
            continue
        name = (fact.service, fact.timer_id, fact.due_at)
        # A host whose clock is ahead asks before it is time.
        if each.at < fact.due_at or name in rung or excused.get(fact.service, False):
            continue
        rung.add(name)
        late_ms = line.clean_ms(fact.due_at, each.at)
        if late_ms > TIMER_LATE_MS_MAX:
            yield f"{fact.timer_id} of {fact.service} rang {late_ms} ms after {fact.due_at}"


def _has_died(run: Run, service: str) -> bool:
    for crash in run.crashes:
        process, is_process, _ = crash.partition("#")
        # What names no process may concern any of them.
        if RESTARTED not in crash and (process == service or not is_process):
            return True
    return False


def a_number_is_given_to_one_message(run: Run) -> Iterator[str]:
    """A repeat under the same number has the same content, whichever process and version says it.

    Readers keep the first one and drop the rest: different content would be lost unnoticed.
    """
    first: dict[tuple[str, str], bytes] = {}
    said = [(each.envelope, each.fact) for each in run.facts]
    said += [(each.envelope, each.command) for each in run.commands]
    for envelope, message in said:
        if envelope.seq == 0 or envelope.source.startswith("gateway/"):
            continue
        content = type_name(message).encode() + codec.encode(message)
        if first.setdefault((envelope.organization_id, envelope.id), content) != content:
            yield f"{envelope.id} is the name of two messages"


def a_gateway_leaves_no_number_out(run: Run) -> Iterator[str]:
    """A gateway says nothing past a failed fact: a leg would end late, or never."""
    last: dict[tuple[str, int], int] = {}
    for each in run.facts:
        envelope = each.envelope
        if not envelope.source.startswith("gateway/") or envelope.seq == 0:
            continue
        stream = (envelope.source, envelope.incarnation)
        if envelope.seq > last.get(stream, 0) + 1:
            yield f"{envelope.source} left out what came before number {envelope.seq} of {stream[1]}"
        last[stream] = max(envelope.seq, last.get(stream, 0))


def an_erased_customer_is_in_no_record(run: Run) -> Iterator[str]:
    """Unless the number came again since: by a call, by keys, or on the office's deny list (V6)."""
    for position, said in enumerate(run.facts):
        if not isinstance(said.fact, CustomerErased):
            continue
        digits = said.fact.number[2:].encode()  # without +7, so that 8… is the same
        if any(digits in codec.encode(each.fact) for each in run.facts[position + 1 :] if _is_of_edge(each)):
            continue
        for service, store in run.stores.items():
            for records in store.stored[0].records.values():
                for name, data in records.items():
                    # An id that the simulation itself made of the number is no id that the directory gives.
                    rest = (name.encode() + data).replace(f"again{said.fact.number}".encode(), b"")
                    if digits in rest and not name.startswith("organizations/"):
                        yield f"{service} has {said.fact.number} in {name}, though it was erased"


def _is_of_edge(said: Said) -> bool:
    return said.envelope.source == "directory" or said.envelope.source.startswith("gateway/")


def a_leg_that_has_ended_keeps_nobody_busy(run: Run) -> Iterator[str]:
    """Else a number is engaged, or an agent busy, for ever: no other fact of that leg comes (G3, C15)."""
    over: set[str | None] = {each.fact.leg_id for each in run.facts if isinstance(each.fact, LegEnded)}
    over |= {
        each.fact.leg_id
        for each in run.facts
        if isinstance(each.fact, CommandRefused) and each.fact.command == type_name(DialLeg)
    }
    over.discard(None)
    activities = QUEUE.new_state().activities
    for records in run.stores["queue"].stored[0].records.values():
        for name, data in records.items():
            table, _, key = name.partition("/")
            if table == "legs" and key in over:
                yield f"the queue keeps the leg {key}, which is over"
            if table == "lines":
                agent = activities.decoded(data)
                yield from (
                    f"{agent.agent_id} is kept busy by the leg {leg_id}, which is over"
                    for leg_id in (agent.leg_id, agent.direct_leg_id)
                    if leg_id in over
                )


def nobody_who_talks_is_hung_up_for_silence(run: Run) -> Iterator[str]:
    """A decider that was away must not take a bridge apart for which it has only just asked (Q12)."""
    bridged = {leg_id for each in run.facts if isinstance(each.fact, Bridged) for leg_id in each.fact.legs}
    for each in run.commands:
        command = each.command
        if isinstance(command, HangUp) and command.reason == "silent" and command.leg_id in bridged:
            yield f"{command.leg_id} is hung up as silent, and is bridged"


OF_ANY_RUN: Final[tuple[Sentence, ...]] = (
    *SENTENCES,
    a_deadline_is_met_within_one_ring,
    a_number_is_given_to_one_message,
    a_gateway_leaves_no_number_out,
)
"""These hold even if an organization stands still for minutes."""
CHECKERS: Final[tuple[Sentence, ...]] = (
    *OF_ANY_RUN,
    a_timer_rings_when_it_is_due,
    an_erased_customer_is_in_no_record,
    a_leg_that_has_ended_keeps_nobody_busy,
    history_tells_everything_once,
    the_present_is_the_queues,
    nobody_who_talks_is_hung_up_for_silence,
    *SENTENCES_OF_GATEWAYS,
    *PROMISES,
    *TURNS,
)
