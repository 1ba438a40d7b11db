"""Taking care of voice messages together: claims given back, notes, deletions undone, and the lists (V5)."""

import pytest
from msgspec import structs

from contracts.directory import OrganizationSaved, RightsSaved, Role
from contracts.history import (
    MessageClaimed,
    MessageDeleted,
    MessageRemoved,
    MessageRestored,
    MessageUnclaimed,
)
from contracts.ids import VoiceMessageId
from services.history.rules.message_care import Care
from services.history.state import NOTES_MAX
from tests.integration.history.harness import HistoryHarness, audio
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER, SALES, SERVICE, VERA, at

SALES_MESSAGE = "/voice-messages/vm.in.sales"
ID = VoiceMessageId("vm.in.sales")
MINUTE_S = 60


async def listed(office: HistoryHarness, who: object, **wanted: str) -> list[str]:
    """The ids of what somebody sees by these filters."""
    async with office.browser(who) as browser:  # type: ignore[arg-type]
        answer = await browser.get("/voice-messages", params=wanted)
    assert answer.status_code == 200, answer.text
    return [each["voice_message_id"] for each in answer.json()["messages"]]


async def two_heads(office: HistoryHarness) -> None:
    """Anna and Vera both head Sales."""
    await office.tell(
        RightsSaved(agent_id=ANNA, version=2, role=Role.DEPARTMENT_HEAD),
        RightsSaved(agent_id=VERA, version=2, role=Role.DEPARTMENT_HEAD),
        stories.a_department(SALES, "Sales", stories.MOSCOW, ANNA, VERA, version=2, head_ids=(ANNA, VERA)),
        at_s=60,
    )


@pytest.mark.rule("V5")
async def test_a_claim_that_is_given_back_can_be_taken_by_another(office: HistoryHarness) -> None:
    """Anna goes home; Vera calls the customer."""
    await two_heads(office)
    async with office.browser(ANNA) as anna, office.browser(VERA) as vera:
        await anna.post(f"{SALES_MESSAGE}/claim")
        assert (await vera.post(f"{SALES_MESSAGE}/claim")).status_code == 409
        back = await anna.post(f"{SALES_MESSAGE}/unclaim")
        assert (back.status_code, back.json()["claimed"], back.json()["care"]) == (200, None, "new")
        again = await anna.post(f"{SALES_MESSAGE}/unclaim")
        assert (again.status_code, again.json()["claimed"]) == (200, None), "there is nothing to give back"
        assert (await vera.post(f"{SALES_MESSAGE}/claim")).json()["claimed"]["by"] == VERA
    assert sum(isinstance(each, MessageUnclaimed) for each in office.said()) == 1


@pytest.mark.rule("V5")
async def test_a_claim_is_taken_away_only_by_who_may_also_delete(office: HistoryHarness) -> None:
    """Whoever is ill can't give it back; a colleague without that right asks somebody who has it."""
    await office.tell(
        RightsSaved(agent_id=ANNA, version=2, role=Role.USER),
        RightsSaved(agent_id=VERA, version=2, role=Role.USER),
        at_s=60,
    )
    async with office.browser(ANNA) as anna, office.browser(VERA) as vera, office.browser(BORIS) as boris:
        await anna.post(f"{SALES_MESSAGE}/claim")
        refused = await vera.post(f"{SALES_MESSAGE}/unclaim")
        assert (refused.status_code, refused.json()["code"]) == (403, "claim_of_another")
        assert "Anna" in refused.json()["cause"]["ru"]
        assert (await anna.get(SALES_MESSAGE)).json()["claimed"]["by"] == ANNA
        assert (await boris.post(f"{SALES_MESSAGE}/unclaim")).json()["claimed"] is None


@pytest.mark.rule("V5")
async def test_a_late_unclaim_ends_no_later_claim(office: HistoryHarness) -> None:
    """It names the claim that it ends: two processes may both have said that it is given back."""
    await two_heads(office)
    back = MessageUnclaimed(voice_message_id=ID, by=ANNA, claimed_by=ANNA, claimed_at=at(61))
    await office.tell(MessageClaimed(voice_message_id=ID, by=ANNA), at_s=61)
    await office.tell(back, at_s=62)
    await office.tell(MessageClaimed(voice_message_id=ID, by=VERA), at_s=63)
    await office.tell(back, at_s=64)
    async with office.browser(ANNA) as anna:
        assert (await anna.get(SALES_MESSAGE)).json()["claimed"]["by"] == VERA
    assert await listed(office, VERA, inbox="claimed") == ["vm.in.sales"]


@pytest.mark.rule("V5")
async def test_notes_stay_in_order_with_their_authors_and_a_repeat_is_one(office: HistoryHarness) -> None:
    """A double click, or an answer that was lost, does not say it twice."""
    await two_heads(office)
    async with office.browser(ANNA) as anna, office.browser(VERA) as vera:
        for _ in range(2):
            answer = await anna.put(f"{SALES_MESSAGE}/notes/a", json={"text": "  Перезвонить\nпосле трёх  "})
        await vera.put(f"{SALES_MESSAGE}/notes/b", json={"text": "Занято"})
        changed = await vera.put(f"{SALES_MESSAGE}/notes/a", json={"text": "Не надо"})
    assert answer.status_code == 200
    notes = [(each["name"], each["text"]) for each in changed.json()["notes"]]
    assert notes == [("Anna", "Перезвонить\nпосле трёх"), ("Vera (Volga)", "Занято")]


@pytest.mark.rule("V5")
@pytest.mark.parametrize(
    ("text", "status", "field"),
    [(" \n ", 422, "text"), ("x" * 1_001, 400, "text"), ("a\u202eb", 400, "text")],
    ids=["blank", "long", "invisible"],
)
async def test_a_note_that_can_not_be_kept_is_refused_at_its_field(
    office: HistoryHarness, text: str, status: int, field: str
) -> None:
    async with office.browser(BORIS) as boris:
        answer = await boris.put(f"{SALES_MESSAGE}/notes/a", json={"text": text})
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert (await boris.get(SALES_MESSAGE)).json()["notes"] == []


@pytest.mark.rule("V5")
async def test_notes_have_an_end(office: HistoryHarness) -> None:
    """A document stays small, whatever a program does in somebody's name."""
    async with office.browser(BORIS) as boris:
        for number in range(NOTES_MAX):
            await boris.put(f"{SALES_MESSAGE}/notes/n{number}", json={"text": "again"})
        answer = await boris.put(f"{SALES_MESSAGE}/notes/last", json={"text": "again"})
        assert (answer.status_code, answer.json()["code"]) == (409, "notes_full")
        assert (await boris.put(f"{SALES_MESSAGE}/notes/n0", json={"text": "again"})).status_code == 200


@pytest.mark.rule("V6", "P8")
async def test_a_number_in_a_note_is_masked_for_whom_numbers_are_hidden(office: HistoryHarness) -> None:
    """In whatever way people have written it."""
    await two_heads(office)
    async with office.browser(BORIS) as boris:
        text = "Просил набрать 8 (916) 555-00-02 в 15:30"
        await boris.put(f"{SALES_MESSAGE}/notes/a", json={"text": text})
        assert (await boris.get(SALES_MESSAGE)).json()["notes"][0]["text"] == text
    card = next(fact for fact in stories.the_cards() if isinstance(fact, OrganizationSaved))
    await office.tell(structs.replace(card, version=2, numbers_hidden_from=(Role.DEPARTMENT_HEAD,)), at_s=70)
    async with office.browser(ANNA) as anna:
        for address in (SALES_MESSAGE, "/voice-messages", "/history/in.sales"):
            answer = await anna.get(address)
            assert answer.status_code == 200
            assert "555-00-02" not in answer.text, address
            assert "…0002 в 15:30" in answer.text, address


@pytest.mark.rule("V6")
async def test_an_erasure_takes_the_notes_and_takes_no_more_of_them(office: HistoryHarness) -> None:
    """They are about a person who is to be forgotten (EC-75)."""
    async with office.browser(BORIS) as boris:
        await boris.put(f"{SALES_MESSAGE}/notes/a", json={"text": "Иван Петрович, очень сердит"})
        await boris.post("/erase", json={"number": CUSTOMER})
        assert "Петрович" not in (await boris.get("/history/in.sales")).text
        answer = await boris.put(f"{SALES_MESSAGE}/notes/b", json={"text": "Это был Иван Петрович"})
        assert (answer.status_code, answer.json()["code"]) == (410, "customer_erased")


@pytest.mark.rule("V5", "V6")
async def test_a_deletion_is_undone_with_its_audio_and_all_that_was_done_before(
    office: HistoryHarness,
) -> None:
    """Who has deleted the wrong one gets it back, whole."""
    for name in ("vm.in.sales.mp3", "vm.in.sales.wav"):
        await office.blobs.put(audio(name), b"sound")
    async with office.browser(BORIS) as boris:
        await boris.post(f"{SALES_MESSAGE}/claim")
        gone = (await boris.delete(SALES_MESSAGE)).json()
        assert (gone["care"], gone["deleted"]["name"]) == ("gone", "Boris")
        assert gone["restorable_until_at"] - gone["deleted"]["at"] == 600_000
        assert await office.audio_retention.sweep() == 0, "it may still be wanted back"
        office.clock.advance(9 * MINUTE_S)
        for _ in range(2):
            back = await boris.post(f"{SALES_MESSAGE}/restore")
        assert back.status_code == 200
        shown = (back.json()["state"], back.json()["care"], back.json()["deleted"])
        assert shown == ("stored", "claimed", None)
        office.clock.advance(60 * MINUTE_S)
        assert await office.audio_retention.sweep() == 0, "nothing of it is to go any more"
        assert (await boris.get(f"{SALES_MESSAGE}/audio")).status_code == 200
    assert len(office.blobs.objects) == 2
    assert sum(isinstance(each, MessageRestored) for each in office.said()) == 1


@pytest.mark.rule("V5", "V6")
async def test_after_ten_minutes_a_deletion_is_for_good(office: HistoryHarness) -> None:
    """The sweep comes later than that, so that nobody gets back what is already gone."""
    await office.blobs.put(audio("vm.in.sales.mp3"), b"sound")
    async with office.browser(BORIS) as boris:
        await boris.delete(SALES_MESSAGE)
        office.clock.advance(11 * MINUTE_S)
        assert await office.audio_retention.sweep() == 0
        late = await boris.post(f"{SALES_MESSAGE}/restore")
        assert (late.status_code, late.json()["code"]) == (410, "audio_gone")
        assert late.json()["cause"]["ru"] == "Записи нет: её удалил сотрудник."
        office.clock.advance(5 * MINUTE_S)
        assert await office.audio_retention.sweep() == 1
        shown = (await boris.get(SALES_MESSAGE)).json()
    assert (shown["has_audio"], shown["restorable_until_at"], shown["kept_until_at"]) == (False, None, None)


@pytest.mark.rule("V5")
async def test_the_log_decides_between_a_deletion_undone_and_audio_that_has_gone(
    office: HistoryHarness,
) -> None:
    """What is undone after the audio went brings nothing back; an undoing of another deletion neither."""
    deleted = MessageDeleted(voice_message_id=ID, by=BORIS)
    await office.tell(deleted, at_s=60)
    await office.tell(MessageRestored(voice_message_id=ID, by=BORIS, deleted_at=at(60)), at_s=61)
    await office.tell(deleted, at_s=62)
    await office.tell(MessageRestored(voice_message_id=ID, by=BORIS, deleted_at=at(60)), at_s=63)
    async with office.browser(BORIS) as boris:
        assert (await boris.get(SALES_MESSAGE)).json()["care"] == "gone", "that was the first deletion's"
        await office.tell(MessageRemoved(voice_message_id=ID, reason="deleted"), at_s=64)
        await office.tell(MessageRestored(voice_message_id=ID, by=BORIS, deleted_at=at(62)), at_s=65)
        shown = (await boris.get(SALES_MESSAGE)).json()
    assert (shown["care"], shown["has_audio"]) == ("gone", False)


@pytest.mark.rule("V5")
async def test_each_voice_message_stands_in_exactly_one_state(office: HistoryHarness) -> None:
    """The filter says the same as the voice message itself, so that none is missing from all of them."""
    ids = ["vm.in.anna", "vm.in.inside", "vm.in.sales", "vm.in.service"]
    async with office.browser(BORIS) as boris:
        for id_, deeds in zip(
            ids, (["heard"], ["heard", "claim"], ["claim", "called-back"], ["heard"]), strict=True
        ):
            for deed in deeds:
                assert (await boris.post(f"/voice-messages/{id_}/{deed}")).status_code == 200
        await boris.delete("/voice-messages/vm.in.service")
        found = {str(care): await listed(office, BORIS, state=care) for care in Care}
        cares = {
            each["voice_message_id"]: each["care"]
            for each in (await boris.get("/voice-messages")).json()["messages"]
        }
    assert found == {
        "new": [],
        "heard": ["vm.in.anna"],
        "claimed": ["vm.in.inside"],
        "called_back": ["vm.in.sales"],
        "gone": ["vm.in.service"],
    }
    assert cares == {id_: care for care, listed_ids in found.items() for id_ in listed_ids}
    assert await listed(office, BORIS, state="heard,gone") == ["vm.in.anna", "vm.in.service"]


@pytest.mark.rule("V5")
async def test_an_inbox_is_filtered_by_department_and_counts_what_is_to_do(office: HistoryHarness) -> None:
    """A head looks at one department; a claim that was called back is no work any more."""
    assert await listed(office, BORIS, department=SALES) == ["vm.in.inside", "vm.in.sales"]
    assert await listed(office, BORIS, department=f"{SALES},{SERVICE}", inbox="departments") == [
        "vm.in.inside",
        "vm.in.service",
        "vm.in.sales",
    ]
    assert await listed(office, BORIS, inbox="colleagues") == ["vm.in.anna"]
    async with office.browser(BORIS) as boris:
        counts = (await boris.get("/voice-messages/counts")).json()
        assert counts == {"departments": 3, "own": 0, "colleagues": 1, "claimed": 0}
        await boris.post(f"{SALES_MESSAGE}/claim")
        counts = (await boris.get("/voice-messages/counts")).json()
        assert counts == {"departments": 2, "own": 0, "colleagues": 1, "claimed": 1}
        await boris.post(f"{SALES_MESSAGE}/called-back")
        assert (await boris.get("/voice-messages/counts")).json()["claimed"] == 0
    assert await listed(office, BORIS, inbox="claimed") == []


async def test_a_filter_that_nobody_knows_is_refused_by_name(office: HistoryHarness) -> None:
    async with office.browser(BORIS) as boris:
        for query, field in (({"inbox": "mine"}, "inbox"), ({"state": "old"}, "state")):
            answer = await boris.get("/voice-messages", params=query)
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        answer = await boris.get("/voice-messages", params={"inbox": "own,claimed"})
        assert (answer.status_code, answer.json()["field"]) == (422, "inbox")


@pytest.mark.rule("V5", "V6")
async def test_a_voice_message_says_whose_it_is_and_until_when_it_is_kept(office: HistoryHarness) -> None:
    """By the names of the time, and the organization's retention of thirty days."""
    async with office.browser(BORIS) as boris:
        sales = (await boris.get(SALES_MESSAGE)).json()
        own = (await boris.get("/voice-messages/vm.in.anna")).json()
    assert (sales["department_label"], sales["agent_label"], sales["waited_ms"]) == ("Sales", "", 30_000)
    assert (own["department_label"], own["agent_label"]) == ("", "Anna")
    assert sales["kept_until_at"] - sales["taken_at"] == 30 * 24 * 3600 * 1000
