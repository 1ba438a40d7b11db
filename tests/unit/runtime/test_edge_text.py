"""An edge's facts are text, whatever bytes another program sent."""

import pytest

from contracts.codec import decode, encode
from contracts.directory import Recipient
from contracts.ids import OrganizationId
from contracts.message import Fact, type_name
from contracts.voicemail import LetterAccepted, LetterDue, LetterKind
from runtime.edge_runner import said_record


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
