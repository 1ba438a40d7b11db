"""What people do with voice messages, erasing, and the removal of audio (V5, V6, R1)."""

import asyncio

import pytest
from msgspec import structs

from contracts.directory import OrganizationSaved, RightsSaved, Role
from contracts.gateway import RecordingFinished
from contracts.history import MessageClaimed, MessageRemoved, RecordingRemoved
from contracts.ids import LegId, MediaKey, RecordingId, VoiceMessageId
from contracts.voicemail import MessageStored
from tests.audio_keys import foreign_recordings
from tests.integration.history.harness import HistoryHarness, audio, department_call
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, NORTH, SALES, VERA

MINUTE_S = 60
DAY_S = 24 * 3600
SALES_MESSAGE = "/voice-messages/vm.in.sales"


async def two_users(office: HistoryHarness) -> None:
    """Anna and Vera both sit in Sales and may take its voice messages."""
    await office.tell(
        RightsSaved(agent_id=ANNA, version=2, role=Role.USER),
        RightsSaved(agent_id=VERA, version=2, role=Role.USER),
        at_s=60,
    )


@pytest.mark.rule("V5")
async def test_of_two_who_take_a_voice_message_the_second_is_told_who_has_it_and_since_when(
    office: HistoryHarness,
) -> None:
    """Both press «I take it» at once: one calls the customer, the other knows who does (EC-72)."""
    await two_users(office)
    async with office.browser(ANNA) as anna, office.browser(VERA) as vera:
        first, second = await asyncio.gather(
            anna.post(f"{SALES_MESSAGE}/claim"), vera.post(f"{SALES_MESSAGE}/claim")
        )
        assert sorted((first.status_code, second.status_code)) == [200, 409]
        won, lost = (first, second) if first.status_code == 200 else (second, first)
        name = won.json()["claimed"]["name"]
        assert lost.json()["code"] == "already_claimed"
        assert name in lost.json()["cause"]["en"]
        assert "on 15 January, 11:01" in lost.json()["cause"]["en"]
        assert "15 января, 11:01" in lost.json()["cause"]["ru"]
        assert (await anna.get(SALES_MESSAGE)).json()["claimed"]["name"] == name


@pytest.mark.rule("V5")
async def test_the_first_claim_on_the_log_wins_whoever_was_answered_first(office: HistoryHarness) -> None:
    """Two processes of history may both have said a claim: the log's order decides."""
    await two_users(office)
    id_ = VoiceMessageId("vm.in.sales")
    await office.tell(MessageClaimed(voice_message_id=id_, by=VERA), at_s=61)
    await office.tell(MessageClaimed(voice_message_id=id_, by=ANNA), at_s=62)
    async with office.browser(ANNA) as anna:
        assert (await anna.get(SALES_MESSAGE)).json()["claimed"]["by"] == VERA
        assert (await anna.post(f"{SALES_MESSAGE}/claim")).status_code == 409


@pytest.mark.rule("V5")
async def test_a_claim_said_twice_is_one_claim(office: HistoryHarness) -> None:
    """A browser that lost the answer asks again, and still has it."""
    await two_users(office)
    async with office.browser(ANNA) as anna:
        for _ in range(2):
            assert (await anna.post(f"{SALES_MESSAGE}/claim")).json()["claimed"]["by"] == ANNA
    assert sum(isinstance(fact, MessageClaimed) for fact in office.said()) == 1


@pytest.mark.rule("V5")
async def test_heard_and_called_back_are_kept_with_who_and_when(office: HistoryHarness) -> None:
    """The head sees that somebody took care."""
    async with office.browser(BORIS) as boris:
        assert (await boris.post(f"{SALES_MESSAGE}/heard")).json()["heard"]["name"] == "Boris"
        shown = (await boris.post(f"{SALES_MESSAGE}/called-back")).json()
    assert (shown["called_back"]["by"], shown["state"]) == (BORIS, "stored")


@pytest.mark.rule("V5")
async def test_a_log_that_is_away_or_late_is_said_and_nothing_is_claimed_for_sure(
    office: HistoryHarness,
) -> None:
    """Nobody gets a claim confirmed before it is on the log."""
    async with office.browser(BORIS) as boris:
        office.is_log_away = True
        answer = await boris.post(f"{SALES_MESSAGE}/claim")
        assert (answer.status_code, answer.json()["code"]) == (503, "log_away")
        office.is_log_away, office.is_projecting = False, False
        answer = await boris.post(f"{SALES_MESSAGE}/claim")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_yet_read")
        await office.project()
        assert (await boris.get(SALES_MESSAGE)).json()["claimed"]["by"] == BORIS


@pytest.mark.rule("V5", "R1")
async def test_audio_is_a_link_for_five_minutes(office: HistoryHarness) -> None:
    """A forwarded link soon stops working (EC-73)."""
    async with office.browser(BORIS) as boris:
        link = (await boris.get(f"{SALES_MESSAGE}/audio")).json()
        assert "vm.in.sales.mp3" in link["url"]
        assert link["url"].endswith("&type=audio/mpeg&name=voice-message.mp3"), "no number, no caller's type"
        assert link["expires_at"] - office.clock.now() == 300_000
        recording = (await boris.get("/recordings/rec.in.sales/audio")).json()
        assert "rec.in.sales.wav" in recording["url"]


async def put_audio(office: HistoryHarness, *keys: str) -> None:
    """Objects in the bucket."""
    for key in keys:
        await office.blobs.put(audio(key), b"sound")


@pytest.mark.rule("V5", "V6")
async def test_a_deleted_voice_message_loses_its_audio_everywhere_and_keeps_its_row(
    office: HistoryHarness,
) -> None:
    """«Delete» means gone from S3; that a customer called is still history."""
    await put_audio(office, "vm.in.sales.mp3", "vm.in.sales.wav", "vm.in.service.mp3")
    async with office.browser(BORIS) as boris:
        assert (await boris.delete(SALES_MESSAGE)).json()["state"] == "deleted"
        assert (await boris.get(f"{SALES_MESSAGE}/audio")).status_code == 410
        office.clock.advance(16 * MINUTE_S)
        assert await office.audio_retention.sweep() == 1
        assert await office.audio_retention.sweep() == 0
        row = (await boris.get("/history/in.sales")).json()["row"]
    assert list(office.blobs.objects) == [audio("vm.in.service.mp3")]
    assert row["is_voicemail"]


@pytest.mark.rule("V6", "R1")
async def test_audio_older_than_the_organization_keeps_is_removed_and_said(office: HistoryHarness) -> None:
    """The retention time is a promise to customers."""
    keys = ("vm.in.sales.mp3", "vm.in.sales.wav", "rec.in.sales.wav")
    await put_audio(office, *keys)
    office.clock.advance(29 * DAY_S)
    assert await office.audio_retention.sweep() == 0
    office.clock.advance(2 * DAY_S)
    gone = await office.audio_retention.sweep()
    assert gone > 0
    assert not office.blobs.objects
    assert await office.audio_retention.sweep() == 0
    assert sum(isinstance(fact, MessageRemoved | RecordingRemoved) for fact in office.said()) == gone
    async with office.browser(BORIS) as boris:
        answer = await boris.get(f"{SALES_MESSAGE}/audio")
        assert (answer.status_code, answer.json()["code"]) == (410, "audio_gone")
        assert answer.json()["cause"]["ru"] == "Записи нет: закончился срок её хранения."
        assert answer.json()["cause"]["en"] == "There is no audio: its retention time is over."
        assert (await boris.get("/recordings/rec.in.sales/audio")).status_code == 410


@pytest.mark.rule("V6")
async def test_a_shorter_retention_counts_from_the_next_round(office: HistoryHarness) -> None:
    """The organization's own number of days, not ours."""
    card = next(fact for fact in stories.the_cards() if isinstance(fact, OrganizationSaved))
    await office.tell(structs.replace(card, version=2, retention_days=3), at_s=70)
    office.clock.advance(4 * DAY_S)
    assert await office.audio_retention.sweep() > 0
    async with office.browser(BORIS) as boris:
        assert (await boris.get(f"{SALES_MESSAGE}/audio")).status_code == 410


@pytest.mark.rule("V6")
async def test_erasing_a_customer_takes_number_and_audio_and_says_what_can_not_be_recalled(
    office: HistoryHarness,
) -> None:
    """The row stays without the person (EC-75); letters that went out are named."""
    other = "+79165550099"
    await office.tell(*department_call("in.other", SALES, caller=other), at_s=60)
    await put_audio(office, "vm.in.sales.mp3", "rec.in.sales.wav", "vm.in.other.mp3")
    async with office.browser(BORIS) as boris:
        record = (await boris.post("/erase", json={"number": CUSTOMER})).json()
        assert record["contacts"] == 3
        assert {letter["email"] for letter in record["letters"]} == {"boris@north.example"}
        assert record["log_ends_at"] - record["at"] == 14 * DAY_S * 1000
        rows = (await boris.get("/history")).json()["rows"]
        assert {row["contact_id"]: row["number"] for row in rows if row["number"]} == {"in.other": other}
        assert (await boris.get("/history", params={"number": CUSTOMER})).json()["rows"] == []
        assert CUSTOMER not in (await boris.get("/history.csv")).text
    await office.audio_retention.sweep()
    assert list(office.blobs.objects) == [audio("vm.in.other.mp3")]


@pytest.mark.rule("V6")
async def test_the_record_of_an_erasure_names_so_many_letters_and_counts_all(
    office: HistoryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of someone who called for years stays readable; the newest letters come first."""
    monkeypatch.setattr("services.history.activities.erasure.LETTERS_MAX", 2)
    async with office.browser(BORIS) as boris:
        record = (await boris.post("/erase", json={"number": CUSTOMER})).json()
    assert record["letters_total"] == 3
    sent = [letter["sent_at"] for letter in record["letters"]]
    assert sent == sorted(sent, reverse=True)
    assert len(sent) == 2


@pytest.mark.rule("V6")
async def test_audio_that_comes_after_the_erasure_goes_as_well(office: HistoryHarness) -> None:
    """A late upload must not bring back an erased customer's audio."""
    async with office.browser(BORIS) as boris:
        await boris.post("/erase", json={"number": CUSTOMER})
    await office.audio_retention.sweep()
    await put_audio(office, "late.wav", "late.mp3", "late-recording.wav")
    await office.tell(
        MessageStored(
            voice_message_id=VoiceMessageId("vm.in.sales"),
            original_key=audio("late.wav"),
            mp3_key=audio("late.mp3"),
            mp3_bytes=1,
            mp3_sha256="",
            speech_ms=1,
        ),
        RecordingFinished(
            pbx_id=stories.MOSCOW,
            leg_id=LegId("in.sales"),
            recording_id=RecordingId("late"),
            ok=True,
            key=audio("late-recording.wav"),
        ),
        at_s=80,
    )
    await office.audio_retention.sweep()
    assert not office.blobs.objects


@pytest.mark.rule("V6")
async def test_what_is_no_number_is_refused_by_name(office: HistoryHarness) -> None:
    """A typing error must not look like an erasure."""
    async with office.browser(BORIS) as boris:
        answer = await boris.post("/erase", json={"number": "nobody"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "number_unusable",
        "number",
    )


@pytest.mark.rule("O1", "V5")
@pytest.mark.parametrize("key", foreign_recordings(NORTH, "south"))
async def test_audio_of_another_organization_gets_no_link_and_is_not_removed(
    office: HistoryHarness, key: str
) -> None:
    """A key on the log is a claim, whoever wrote it there."""
    await office.blobs.put(key, b"sound")
    finished = RecordingFinished(
        pbx_id=stories.MOSCOW,
        leg_id=LegId("in.sales"),
        recording_id=RecordingId("another"),
        ok=True,
        key=MediaKey(key),
    )
    await office.tell(finished, at_s=80)
    async with office.browser(BORIS) as boris:
        assert (await boris.get("/recordings/another/audio")).status_code in (404, 409, 410)
    office.clock.advance(31 * DAY_S)
    await office.audio_retention.sweep()
    assert key in office.blobs.objects
