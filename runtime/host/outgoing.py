"""Turns the facts and commands of a step into numbered records for the outbox."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from contracts.codec import Envelope, encode, headers
from contracts.ids import Instant, OrganizationId
from contracts.log import OrganizationParked, PartitionClaimed, TimerDue
from contracts.message import Command, Fact, type_name
from contracts.telephony import TelephonyCommand
from contracts.topics import DEAD_LETTERS, FACTS, TOPICS, Topic
from runtime.decision import Decision, StepTooLong
from runtime.host.numbering import STREAM_OF_FACTS, Numbering
from runtime.host.reading import Parsed
from runtime.ports import LogRecord, Outgoing

STEP_BYTES_MAX: Final = 900_000
"""Kafka's default limit of a record batch is 1 MiB; the remainder is for the batch's own framing."""
HEADER_BYTES: Final = 400
"""The most that a record's headers take, beside a short id."""

LETTER_VALUE_BYTES_MAX: Final = 800_000
LETTER_HEADERS_BYTES_MAX: Final = 64_000
"""With a dead letter's own headers this fits a record batch; the original is at the named offset."""
HEADER_FRAME_BYTES: Final = 10
"""The most that a header's two length fields take."""
ORGANIZATION_LENGTH_MAX: Final = 200
"""The key finds an organization's dead letters; our own keys are never longer."""

_TOPIC_OF: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}


def digest(type_: str, value: bytes | None) -> bytes:
    """Distinguishes two facts with the same number."""
    return blake2b(type_.encode() + b"\0" + (value or b""), digest_size=8).digest()


def stream_of(command: Command, organization_id: OrganizationId) -> tuple[Topic, str, str]:
    """A command's topic, its key there, and the stream that numbers it."""
    topic = _TOPIC_OF[type_name(command).partition(".")[0]]
    if isinstance(command, TelephonyCommand):
        return topic, command.key(organization_id), f"{topic.name}/{command.pbx_id}"
    return topic, organization_id, topic.name


class Saying(msgspec.Struct, frozen=True):
    """Turns one service's decisions into numbered records."""

    service: str

    def step(
        self, decision: Decision, numbers: Numbering, heard: Parsed, step: int
    ) -> tuple[list[Outgoing], list[Outgoing]]:
        """Number the commands and facts of one step; `step` distinguishes the steps of a batch."""
        organization_id = heard.organization_id
        commands = list(self._commands(decision, numbers, heard))
        facts: list[Outgoing] = []
        last = len(decision.facts) - 1
        for index, fact in enumerate(decision.facts):
            seq = numbers.next(STREAM_OF_FACTS)
            envelope = Envelope(
                id=f"{self.service}/{organization_id}/{seq}",
                type=type_name(fact),
                source=self.service,
                organization_id=organization_id,
                seq=seq,
                cause=heard.id,
                time=heard.now_at,
                cause_offset=heard.offset,
                streams=numbers.tell_streams() if index == last else "",
            )
            value = encode(fact)
            numbers.unconfirmed[seq] = digest(envelope.type, value)
            facts.append(Outgoing(FACTS.name, organization_id, tuple(headers(envelope)), value, step))
        if sum(len(fact.value) + HEADER_BYTES for fact in facts) > STEP_BYTES_MAX:
            raise StepTooLong(f"{self.service}: a step of {len(facts)} facts is larger than a record batch")
        return commands, facts

    def _commands(self, decision: Decision, numbers: Numbering, heard: Parsed) -> Iterator[Outgoing]:
        for command in decision.commands:
            topic, key, stream = stream_of(command, heard.organization_id)
            seq = numbers.next(stream)
            envelope = Envelope(
                id=f"{self.service}/{heard.organization_id}/{stream}/{seq}",
                type=type_name(command),
                source=self.service,
                organization_id=heard.organization_id,
                seq=seq,
                cause=heard.id,
                time=heard.now_at,
                cause_offset=heard.offset,
            )
            yield Outgoing(topic.name, key, tuple(headers(envelope)), encode(command))

    def dead_letter(self, record: LogRecord, reason: str, now_at: int) -> Outgoing:
        """A dead letter for an unreadable record, with its bytes, its headers and the reason."""
        return dead_letter(
            self.service, topic=FACTS.name, partition=record.partition, offset=record.offset, reason=reason,
            headers=record.headers, value=record.value, now_at=now_at,
        )  # fmt: skip

    def parked(
        self, organization_id: OrganizationId, offset: int, reason: str, now_at: int, step: int
    ) -> Outgoing:
        """The alarm for a parked organization; it has no number, since the numbering stands still."""
        fact = OrganizationParked(service=self.service, offset=offset, reason=reason)
        return self._own(fact, f"parked/{offset}", organization_id, now_at, step)

    def claimed(self, partition: int, epoch: str) -> Outgoing:
        """The mark of a claim."""
        fact = PartitionClaimed(service=self.service, epoch=epoch)
        return self._own(fact, f"claim/{partition}/{epoch}", OrganizationId(""), 0, 0)

    def timer_due(
        self, fact: TimerDue, organization_id: OrganizationId, unique: str, now_at: int
    ) -> Outgoing:
        """A due timer's record; `unique` because the same timer may have to be appended again."""
        return self._own(fact, f"timer/{unique}", organization_id, now_at, 0)

    def _own(
        self, fact: Fact, what: str, organization_id: OrganizationId, now_at: int, step: int
    ) -> Outgoing:
        envelope = Envelope(
            id=f"{self.service}/{organization_id}/{what}",
            type=type_name(fact),
            source=self.service,
            organization_id=organization_id,
            time=Instant(now_at),
        )
        return Outgoing(FACTS.name, organization_id, tuple(headers(envelope)), encode(fact), step)


def dead_letter(
    reader: str,
    *,
    topic: str,
    partition: int,
    offset: int,
    reason: str,
    headers: tuple[tuple[str, bytes], ...],
    value: bytes | None,
    now_at: int,
) -> Outgoing:
    """A dead letter: the original record, and which service could not read it, where and why.

    An original that is too large is cut, and `dl_cut_from_bytes` says how large it was.
    """
    original = tuple((name, content or b"") for name, content in headers)  # a header may have no value
    organization = dict(original).get("ce_organization", b"").decode(errors="replace")
    original, is_cut = _first_headers(original)
    value = value or b""
    added = [
        ("dl_id", f"{reader}/{topic}/{partition}/{offset}".encode()),
        ("dl_reader", reader.encode()),
        ("dl_topic", topic.encode()),
        ("dl_partition", str(partition).encode()),
        ("dl_offset", str(offset).encode()),
        ("dl_reason", reason[:1000].encode(errors="replace")),
        ("dl_time", str(now_at).encode()),
    ]
    if is_cut or len(value) > LETTER_VALUE_BYTES_MAX:
        added.append(("dl_cut_from_bytes", str(len(value)).encode()))
    key = organization[:ORGANIZATION_LENGTH_MAX]
    return Outgoing(DEAD_LETTERS.name, key, (*original, *added), value[:LETTER_VALUE_BYTES_MAX])


def _first_headers(headers: tuple[tuple[str, bytes], ...]) -> tuple[tuple[tuple[str, bytes], ...], bool]:
    """As many headers as a dead letter may carry, and whether any were left out."""
    size = 0
    for index, (name, content) in enumerate(headers):
        size += len(name.encode()) + len(content) + HEADER_FRAME_BYTES
        if size > LETTER_HEADERS_BYTES_MAX:
            return headers[:index], True
    return headers, False
