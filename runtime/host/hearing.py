"""Handles one record: filters by header, then runs a step whose outcome goes into the batch."""

import time
from typing import Any, Final

from contracts.codec import TYPES, Malformed, decode
from contracts.gateway import PbxClaimed
from contracts.ids import Instant, OrganizationId
from contracts.log import TimerDue
from contracts.message import Fact, Message, type_name
from runtime import metrics
from runtime.decision import Decider, Decision, follow, step
from runtime.host.numbering import Numbering
from runtime.host.organizations import Mark, Organization
from runtime.host.outgoing import Saying, digest
from runtime.host.reading import Parsed
from runtime.host.said_already import SaidAlready, take_numbers
from runtime.ports import LogRecord, Outgoing

TIMER_DUE: Final = type_name(TimerDue)
PBX_CLAIMED: Final = type_name(PbxClaimed)
GATEWAY: Final = "gateway/"


class Broken(Exception):
    """An organization's state can't take this record: it is parked, and everyone else goes on."""


class SaidDifferently(Exception):
    """An own fact came back with different content, or the service never said it."""


class Batch:
    """All that was heard since the last write; written by one store write, then said."""

    def __init__(self) -> None:
        self.records = 0
        """How many records were read for it, those that are not for us included."""
        self.touched: dict[OrganizationId, Organization] = {}
        self.touched_now: dict[OrganizationId, Organization] = {}
        """Those whose timers were not looked at since."""
        self.due: dict[OrganizationId, Instant | None] = {}
        self.heard: dict[OrganizationId, list[Parsed]] = {}
        self.commands: list[Outgoing] = []
        self.facts: list[Outgoing] = []
        self.marks: dict[OrganizationId, Mark | None] = {}
        self.said: list[Message] = []
        self.steps = 0
        self.outcomes: dict[tuple[str, str], int] = {}
        """Records by type and what became of them; metrics are updated once per batch, not per record."""

    @property
    def is_silent(self) -> bool:
        """Whether nobody waits for its write: it says nothing, and parks nobody."""
        return not (self.commands or self.facts or self.marks)

    def touch(self, organization: Organization) -> None:
        """Note that an organization's records or numbers may change."""
        self.touched[organization.id] = self.touched_now[organization.id] = organization

    def outbox(self) -> tuple[Outgoing, ...]:
        """All outputs in the order in which they are sent: the commands, then the facts."""
        return (*self.commands, *self.facts)


class Hearing:
    """Hears records for one service on one partition."""

    def __init__(self, decider: Decider[Any], saying: Saying, already: SaidAlready) -> None:
        self._decider = decider
        self._saying = saying
        self._already = already
        self._hears = {type_name(found) for found in decider.hears} | {TIMER_DUE}

    def hear(self, heard: Parsed, organization: Organization, batch: Batch) -> None:
        """Hear one record. Raises Broken; the organization must then be loaded again."""
        batch.touch(organization)
        try:
            self._hear(heard, organization, batch)
        except Exception as error:
            raise Broken(f"{heard.type} at offset {heard.offset}: {error!r}") from error
        batch.heard.setdefault(organization.id, []).append(heard)

    def _hear(self, heard: Parsed, organization: Organization, batch: Batch) -> None:
        if heard.source == self._decider.name and heard.type != TIMER_DUE:
            outcome = self._confirm(heard, organization.numbers)
        else:
            outcome = self._accept(heard, organization.numbers)
        fact: Fact | None = None
        if outcome == "heard":
            try:
                fact = self._decoded(heard)
            except Malformed as error:
                outcome = "malformed"
                self.put_aside(heard.record, str(error), heard.now_at, batch)
        if not self._already.decides(organization.id, heard.offset):
            self._follow(heard, fact, organization)
        elif fact is not None:
            self._step(heard, fact, organization, batch)
        labels = (heard.type if heard.type in TYPES else "unknown", outcome)
        batch.outcomes[labels] = batch.outcomes.get(labels, 0) + 1

    def put_aside(self, record: LogRecord, reason: str, now_at: int, batch: Batch) -> None:
        """Put a record that can't be read into the outbox as a dead letter."""
        batch.commands.append(self._saying.dead_letter(record, reason, now_at))
        metrics.DEAD_LETTERS.labels("facts").inc()

    def _accept(self, heard: Parsed, numbers: Numbering) -> str:
        """Judge by the headers alone, so that skipped types count in their sequence, too."""
        if heard.type == TIMER_DUE:
            # Our own `timer_due` is heard; another service's is not for us.
            return "heard" if heard.source == self._decider.name else "skipped"
        if heard.source.startswith(GATEWAY):
            if self._is_gateway_repeat(heard, numbers):
                return "repeat"
        elif heard.seq > 0:
            if numbers.is_repeat(heard.source, 0, heard.seq):
                metrics.REPEATS.counted[(heard.source,)] += 1
                return "repeat"
            if numbers.is_early(heard.source, heard.seq):
                return self._early(heard, numbers)
            numbers.accept(heard.source, 0, heard.seq)
        # Without a number: the directory (its entities have versions) and edges (their results are
        # idempotent by their subject). Applying them twice is applying them once.
        if heard.type in self._hears:
            return "heard"
        return "skipped" if heard.type in TYPES else "unknown"

    def _is_gateway_repeat(self, heard: Parsed, numbers: Numbering) -> bool:
        """Whether a gateway's number, which it counts per incarnation, was heard already."""
        incarnation, seq = heard.incarnation, heard.seq
        if heard.type == PBX_CLAIMED:
            incarnation, seq = heard.offset, 0
        if numbers.is_repeat(heard.source, incarnation, seq):
            metrics.REPEATS.counted[("gateway",)] += 1
            return True
        numbers.accept(heard.source, incarnation, seq)
        return False

    def _early(self, heard: Parsed, numbers: Numbering) -> str:
        """Skip a record that is not the next one: it comes again after the missing ones."""
        metrics.EARLY.counted[(heard.source,)] += 1
        if numbers.gap_is_old(heard.source, heard.now_at):
            metrics.GAPS_OLD.labels(heard.source).inc()
        return "early"

    def _confirm(self, heard: Parsed, numbers: Numbering) -> str:
        """Compare an own fact that comes back with what was said; it was applied when it was decided."""
        if heard.seq <= numbers.confirmed:
            return "repeat"
        if heard.seq > numbers.said_facts():
            if not self._already.decides(heard.organization_id, heard.offset):
                return "own"  # Not applied yet: the record that caused it was too early, and comes again.
            raise SaidDifferently(f"number {heard.seq} of our facts was never said")
        if heard.seq != numbers.confirmed + 1:
            return self._early(heard, numbers)
        if numbers.unconfirmed[heard.seq] != digest(heard.type, heard.record.value):
            raise SaidDifferently(f"number {heard.seq} of our facts came back different")
        numbers.confirmed = heard.seq
        del numbers.unconfirmed[heard.seq]
        return "own"

    def _decoded(self, heard: Parsed) -> Fact:
        fact = decode(heard.type, heard.record.value)
        assert isinstance(fact, Fact)
        return fact

    def _follow(self, heard: Parsed, fact: Fact | None, organization: Organization) -> None:
        """Apply the facts that the log holds as caused by this record, and decide nothing."""
        said = self._already.caused_by(organization.id, heard.offset)
        if fact is None and not said:
            return
        facts = [self._decoded(each) for each in said]
        follow(self._decider, organization.state, fact, facts, at=Instant(heard.now_at), cause=heard.id)
        for each in said:
            take_numbers(organization.numbers, each)

    def _step(self, heard: Parsed, fact: Fact, organization: Organization, batch: Batch) -> None:
        if not self._already.is_complete(organization.id, organization.numbers):
            raise SaidDifferently("the log has our facts without the record that caused them")
        if isinstance(fact, TimerDue):
            metrics.TIMER_LATE_SECONDS.observe(max(0, heard.now_at - fact.due_at) / 1000)
        began = time.perf_counter()
        decision: Decision = step(
            self._decider, organization.state, fact, at=Instant(heard.now_at), cause=heard.id
        )
        metrics.DECIDE_SECONDS.observe(time.perf_counter() - began)
        if not decision.facts and not decision.commands:
            return
        commands, facts = self._saying.step(decision, organization.numbers, heard, batch.steps)
        batch.steps += 1
        batch.commands.extend(commands)
        batch.facts.extend(facts)
        batch.said.extend(decision.facts)
        batch.said.extend(decision.commands)
