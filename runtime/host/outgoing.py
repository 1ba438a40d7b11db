"""What a step says, as numbered records ready for the outbox."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from contracts.codec import Envelope, encode, headers
from contracts.ids import Instant, OrganizationId
from contracts.log import OrganizationParked, PartitionClaimed, TimerDue
from contracts.message import Command, Fact, type_name
from contracts.topics import DEAD_LETTERS, FACTS, TOPICS, Topic
from runtime.decision import Decision, StepTooLong
from runtime.host.numbering import STREAM_OF_FACTS, Numbering
from runtime.host.reading import Parsed
from runtime.ports import LogRecord, Outgoing

STEP_BYTES_MAX: Final = 900_000
"""Kafka's default limit of a record batch is 1 MiB; the rest is for the batch's own frame."""
HEADER_BYTES: Final = 400
"""What the headers of a record take, at most, beside a short id."""

LETTER_VALUE_BYTES_MAX: Final = 800_000
LETTER_HEADERS_BYTES_MAX: Final = 64_000
"""Together, with what a dead letter adds, below a record batch: the rest is still at the offset it names."""
HEADER_FRAME_BYTES: Final = 10
"""What two lengths of a header take, at most."""
ORGANIZATION_LENGTH_MAX: Final = 200
"""A key is for finding the letters of one organization; longer names are none of ours."""

_TOPIC_OF: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}


def digest(type_: str, value: bytes | None) -> bytes:
    """What tells two facts of the same number apart."""
    return blake2b(type_.encode() + b"\0" + (value or b""), digest_size=8).digest()


def stream_of(command: Command, organization_id: OrganizationId) -> tuple[Topic, str, str]:
    """A command's topic, its key there, and the stream in which it is numbered."""
    topic = _TOPIC_OF[type_name(command).partition(".")[0]]
    if topic.key == FACTS.key:
        return topic, organization_id, topic.name
    key: str = getattr(command, topic.key)
    return topic, key, f"{topic.name}/{key}"


class Saying(msgspec.Struct, frozen=True):
    """Turns decisions of one service into numbered records."""

    service: str

    def step(
        self, decision: Decision, numbers: Numbering, heard: Parsed, step: int
    ) -> tuple[list[Outgoing], list[Outgoing]]:
        """The commands and the facts of one step, numbered; `step` tells steps of a batch apart."""
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
        """What could not be read, with its bytes, its own headers, and the reason."""
        return dead_letter(
            self.service, topic=FACTS.name, partition=record.partition, offset=record.offset, reason=reason,
            headers=record.headers, value=record.value, now_at=now_at,
        )  # fmt: skip

    def parked(
        self, organization_id: OrganizationId, offset: int, reason: str, now_at: int, step: int
    ) -> Outgoing:
        """The alarm of a parked organization; never numbered, since its numbering stands still."""
        fact = OrganizationParked(service=self.service, offset=offset, reason=reason)
        return self._own(fact, f"parked/{offset}", organization_id, now_at, step)

    def claimed(self, partition: int, epoch: str) -> Outgoing:
        """The mark of a claim."""
        fact = PartitionClaimed(service=self.service, epoch=epoch)
        return self._own(fact, f"claim/{partition}/{epoch}", OrganizationId(""), 0, 0)

    def timer_due(
        self, fact: TimerDue, organization_id: OrganizationId, unique: str, now_at: int
    ) -> Outgoing:
        """A timer that is due; `unique` because the same one may have to be appended again."""
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
    """A record for the topic of dead letters: the original, and who could not read it, where and why.

    What is too large to be carried is cut, and `dl_cut_from_bytes` says how large it was.
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
    """As many headers as a dead letter carries, and whether that left any out."""
    size = 0
    for index, (name, content) in enumerate(headers):
        size += len(name.encode()) + len(content) + HEADER_FRAME_BYTES
        if size > LETTER_HEADERS_BYTES_MAX:
            return headers[:index], True
    return headers, False
