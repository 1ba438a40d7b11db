"""The live timeline."""

from contracts import gateway as g
from contracts.codec import Envelope
from contracts.ids import Address, Instant, LegId, OrganizationId, PbxId, RecordingId
from contracts.message import Message, type_name
from ringback.log import Reading
from ringback.tail import line
from ringback.words import Words
from runtime.masking import masked
from tests.unit.tools.demo_log import MORNING, VETER


def shown(fact: Message | None, words: Words, type_: str = "") -> str:
    kind = type_name(fact) if fact is not None else type_
    envelope = Envelope(id="1", type=kind, source="s", organization_id=VETER)
    return line(Reading(partition=0, offset=0, at=Instant(0), envelope=envelope, fact=fact), words).plain


def test_facts_that_people_follow_are_sentences_with_names() -> None:
    """A user who watches a queue needs people's names, not ids."""
    words = Words()
    for _, fact in MORNING:
        words.hear(fact)
    text = "\n".join(shown(fact, words) for _, fact in MORNING)
    assert "+7…0101 orders a callback and keeps the place" in text
    assert "Gusev takes the place of +7…0101" in text


def test_no_phone_number_is_shown_in_full_whatever_the_type() -> None:
    """Other people may see the timeline."""
    fact = g.LegRequested(pbx_id=PbxId("cloud"), leg_id=LegId("l"), address=Address("tel:+79000000101"))
    text = shown(fact, Words())
    assert "+79000000101" not in text
    assert "+7…0101" in text


def test_a_type_from_a_newer_version_is_shown_by_its_name() -> None:
    """A timeline that stops at unknown types would be useless during an upgrade."""
    assert "queue.place_sold" in shown(None, Words(), "queue.place_sold")


def test_masking_leaves_times_and_short_numbers_alone() -> None:
    """Extensions and positions must be readable."""
    assert masked("extension 201, +79000000101, position 3") == "extension 201, +7…0101, position 3"
    assert masked(OrganizationId("veter")) == "veter"


def test_n11_a_digest_and_a_uuid_are_shown_whole() -> None:
    """A user who compares an object's checksum with the store's needs all of its digits."""
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822123456789012345f0"
    key = f"uploads/veter/{digest}"
    uuid = "3f2504e0-4f89-11d3-9a0c-123456789012"
    assert (
        masked(f"key={key} sha256={digest.upper()} id={uuid}")
        == f"key={key} sha256={digest.upper()} id={uuid}"
    )


def test_n11_the_timeline_shows_a_recordings_checksum_whole() -> None:
    """It is compared with the store's, digit by digit."""
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822123456789012345f0"
    fact = g.RecordingFinished(
        pbx_id=PbxId("cloud"),
        source="voicemail",
        seq=1,
        leg_id=LegId("l"),
        recording_id=RecordingId("r"),
        ok=True,
        sha256=digest,
    )
    assert f"sha256={digest}" in shown(fact, Words())


def test_n11_a_number_beside_letters_or_a_digest_is_still_masked() -> None:
    """The exception for checksums must not leave a phone number readable."""
    assert masked("+74950001000ext201 tel:+74950001000") == "+7…1000ext201 tel:+7…1000"
    assert masked("ab79161234567") == "ab79…4567"
    assert "79161234567" not in masked("7916123456779161234568791612345697916123456")
    digest = "0123456789abcdef" * 4
    assert masked(f"{digest} +79161234567 {digest}") == f"{digest} +7…4567 {digest}"
