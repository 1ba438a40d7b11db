"""An edge's facts are text, whatever bytes another program sent."""

from collections.abc import Sequence

import pytest

from contracts.codec import VALUE_BYTES_MAX, decode, encode
from contracts.directory import Recipient
from contracts.ids import OrganizationId
from contracts.message import Fact, type_name
from contracts.voicemail import LetterAccepted, LetterDue, LetterKind
from runtime.edge import NeverSaid, NotSaid
from runtime.edge_runner import KafkaSay, said_record
from runtime.ports import LogTooLong, LogUnavailable, Outgoing


def said(fact: Fact) -> Fact:
    """The fact as a reader finds it on the log."""
    record = said_record(
        fact,
        organization_id=OrganizationId("volga"),
        source="voicemail.activities",
        cause="command-1",
        seq=0,
        incarnation=0,
        index=0,
    )
    found = decode(type_name(fact), record.value)
    assert isinstance(found, Fact)
    return found


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "gbk", "latin-1", "utf-16"])
def test_p1_an_answer_in_another_encoding_is_said_all_the_same(encoding: str) -> None:
    """An accepted letter must not be sent again because of its server's encoding."""
    words = "2.0.0 naïve" if encoding == "latin-1" else "2.0.0 принято"
    answer = words.encode(encoding).decode("utf-8", "surrogateescape")
    found = said(LetterAccepted(letter_id="l1", answer=answer))
    assert isinstance(found, LetterAccepted)
    assert found.letter_id == "l1"
    assert "\N{REPLACEMENT CHARACTER}" in found.answer


def test_p1_only_the_characters_that_are_none_are_replaced() -> None:
    """Also in nested fields; the two surrogates of a pair become their character."""
    recipient = Recipient(name="Вера \udcff", email="v@volga.example")
    fact = LetterDue(letter_id="l\ud83d\ude00", kind=LetterKind.EXPIRED, recipient=recipient)
    found = said(fact)
    assert isinstance(found, LetterDue)
    assert (found.letter_id, found.kind) == ("l😀", LetterKind.EXPIRED)
    assert found.recipient.name == "Вера \N{REPLACEMENT CHARACTER}"


def test_p1_text_that_is_text_is_said_to_the_byte() -> None:
    """The same bytes for the same message, on every machine."""
    fact = LetterAccepted(letter_id="l1", answer="250 принято 😀")
    assert said(fact) == fact
    assert encode(said(fact)) == encode(fact)


class Broker:
    """The log, as an edge's say needs it; it may refuse a batch, or be away."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.appended: list[Outgoing] = []

    async def partition_of(self, topic: str, key: str) -> int:
        return 0

    async def append(self, partition: int, records: Sequence[Outgoing]) -> int:
        if self.fault is not None:
            raise self.fault
        self.appended += records
        return 0


async def said_on(broker: Broker, answer: str = "250 ok") -> None:
    say = KafkaSay(broker)  # type: ignore[arg-type]  # of the log it uses these two
    fact = LetterAccepted(letter_id="l1", answer=answer)
    await say((fact,), organization_id=OrganizationId("volga"), source="voicemail.activities")


async def test_what_can_never_be_said_is_told_from_a_log_that_is_away() -> None:
    """An outage ends, and everything is said again; a batch that is too large holds up what follows."""
    with pytest.raises(NeverSaid):
        await said_on(Broker(LogTooLong("larger than 1000000 bytes")))
    with pytest.raises(NotSaid) as away:
        await said_on(Broker(LogUnavailable("no answer")))
    assert not isinstance(away.value, NeverSaid)


async def test_a_fact_that_no_reader_takes_is_not_said() -> None:
    """On the log it would be a dead letter at every reader, and nobody would ask again."""
    broker = Broker()
    with pytest.raises(NeverSaid, match=str(VALUE_BYTES_MAX)):
        await said_on(broker, "x" * VALUE_BYTES_MAX)
    assert broker.appended == []
    await said_on(broker)
    assert len(broker.appended) == 1
