"""Collects what a run leaves behind: the whole log, every command, the letters, the phones' counts."""

import email
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.policy import default
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from contracts import codec
from contracts.codec import Envelope
from contracts.ids import OrganizationId
from contracts.topics import DEAD_LETTERS, DELIVERY, SPEECH, TELEPHONY
from contracts.voicemail import SendLetter
from devtools.chaos.workload import Company
from ringback import log_stretch
from ringback.log import Reading
from runtime import kafka_clients
from runtime.ports import LogRecord
from services.voicemail.activities.letter_composer import identity

END: Final = "chaos_end"
"""The header of the record that marks a topic's end, so that the broker need not report it."""
IDENTITY_LENGTH: Final = 32
"""The part of a Message-ID that identifies a letter (services/voicemail/activities/letter_composer.py)."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One command with its attributes."""

    envelope: Envelope
    command: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """One letter in the mail server's folder: its identity from the Message-ID, and its recipient."""

    identity: str
    recipients: tuple[str, ...]


Span = tuple[int, int]
"""From and until, in ms since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """One person's call, as the phone knows it: `address` was dialled; who called has a `line` instead."""

    pbx_id: str = ""
    address: str = ""
    line: str = ""
    caller: str | None = None
    begun_at: int
    answered_at: int
    deaf_until: int = 0
    """When the phone's own sound was there: on a busy machine it comes later than the answer."""
    ended_at: int
    heard: tuple[Span, ...]
    spoke: tuple[Span, ...] = ()

    @property
    def name(self) -> str:
        """Who it is, in a report."""
        return self.address or f"{self.caller or 'a withheld number'} at {self.line}"


@dataclass(frozen=True, slots=True)
class Outage:
    """The time from a fault to its recovery; a fault without `company` concerns all of them."""

    span: Span
    company: str = ""
    is_for_ears: bool = True
    """Whether people may hear nothing meanwhile."""
    ends_calls: bool = False
    """Whether no call goes on after it: a phone is not told, and its person hears nothing any more."""


@dataclass(frozen=True, slots=True)
class CompanyHistory:
    """All that a run leaves behind of one company: a `devtools.invariants.History`."""

    name: OrganizationId
    facts: tuple[Reading, ...]
    commands: tuple[Sent, ...]
    mailbox: tuple[SendLetter, ...]
    dialled: Counter[str]
    outages: tuple[Outage, ...] = ()
    """Delays within them are allowed."""
    ears: tuple[Ear, ...] = ()
    """What people heard: of real phones only."""


@dataclass(frozen=True, slots=True)
class Leavings:
    """What a whole run leaves behind."""

    companies: tuple[CompanyHistory, ...]
    dead_letters: int
    unknown_letters: tuple[str, ...]
    """Letters without a request."""
    records: int


async def of_topic(settings: Mapping[str, str], topic: str, partitions: int) -> list[Any]:
    """All records of a topic, by appending a mark to each partition and reading up to it."""
    name = settings["RINGBACK_TOPIC_PREFIX"] + topic
    token = secrets.token_hex(8).encode()
    clients = kafka_clients.from_environment(settings)
    producer = clients.producer(enable_idempotence=False)
    await producer.start()
    try:
        for partition in range(partitions):
            await producer.send_and_wait(name, b"{}", partition=partition, headers=[(END, token)])
    finally:
        await producer.stop()
    consumer = clients.consumer(enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    found: list[Any] = []
    ends: set[int] = set()
    try:
        wanted = [TopicPartition(name, partition) for partition in range(partitions)]
        consumer.assign(wanted)
        for each in wanted:
            consumer.seek(each, 0)
        while len(ends) < partitions:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    if (END, token) in record.headers:
                        ends.add(record.partition)
                    elif not any(header == END for header, _ in record.headers):
                        found.append(record)
    finally:
        await consumer.stop()
    return found


async def commands(settings: Mapping[str, str]) -> tuple[list[Sent], int]:
    """Every command on every topic in the order of its partition, and how many dead letters there are."""
    found = []
    for topic in (TELEPHONY, DELIVERY, SPEECH):
        for record in await of_topic(settings, topic.name, topic.partitions):
            envelope = codec.envelope(record.headers)
            found.append(Sent(envelope=envelope, command=codec.decode(envelope.type, record.value)))
    dead = await of_topic(settings, DEAD_LETTERS.name, DEAD_LETTERS.partitions)
    return found, len(dead)


def kept_letters(folder: Path) -> list[Kept]:
    """The letters at the mail server, including copies."""
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        named = str(message["Message-ID"]).strip().strip("<>").partition("@")[0]
        found.append(Kept(named, tuple(about["recipients"])))
    return found


def leavings(
    companies: Iterable[Company],
    records: list[LogRecord],
    sent: list[Sent],
    dead_letters: int,
    letters: list[Kept],
    dialled: Mapping[str, int],
    outages: Iterable[Outage],
    ears: Iterable[Ear] = (),
) -> Leavings:
    """Sort a run's results by company."""
    by_organization = log_stretch.stretches(records)
    asked = {
        identity(each.envelope.organization_id, each.command)[:IDENTITY_LENGTH]: each
        for each in sent
        if isinstance(each.command, SendLetter)
    }
    histories = []
    all_outages, all_ears = tuple(outages), tuple(ears)
    for company in companies:
        own = by_organization.get(company.organization_id)
        histories.append(
            CompanyHistory(
                name=company.organization_id,
                facts=() if own is None else own.readings,
                commands=tuple(
                    each for each in sent if each.envelope.organization_id == company.organization_id
                ),
                mailbox=tuple(
                    asked[letter.identity].command
                    for letter in letters
                    if letter.identity in asked
                    and asked[letter.identity].envelope.organization_id == company.organization_id
                ),
                dialled=Counter(
                    {
                        what: count
                        for what, count in dialled.items()
                        if what.removeprefix("dialled ") in company.addresses
                    }
                ),
                outages=tuple(each for each in all_outages if each.company in ("", company.organization_id)),
                ears=tuple(each for each in all_ears if _is_of(each, company)),
            )
        )
    unknown = tuple(letter.identity for letter in letters if letter.identity not in asked)
    return Leavings(tuple(histories), dead_letters, unknown, len(records))


def _is_of(ear: Ear, company: Company) -> bool:
    """Whether a call was with a company: a public number does not tell which PBX dialled it."""
    return ear.address in company.addresses if ear.address else ear.pbx_id == company.pbx_id
