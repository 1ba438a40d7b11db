"""When the owner of an unheard voice message is warned of its removal (V6)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from contracts import voicemail as v
from contracts.directory import DepartmentSaved, Recipient
from contracts.history import UnheardMessage, WarningWanted
from contracts.ids import AgentId, DepartmentId, Instant, LegId, RecordingId, VoiceMessageId
from services.history.rules import retention_warnings
from services.history.rules.card_cache import CardCache
from services.history.rules.retention_warnings import AHEAD_MS, DAY_MS, Candidate
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, NORTH, SALES, SERVICE, Office, a_call, hung_up, place
from tests.unit.history.test_voice_messages import ASKED, MESSAGE, STORED, TAKEN

ZONES = st.sampled_from(("UTC", "Europe/Moscow", "Europe/Berlin", "Asia/Kathmandu", "America/Los_Angeles"))
INSTANTS = st.integers(1_700_000_000_000, 1_900_000_000_000).map(Instant)


def moment(text: str, zone: str = "UTC") -> Instant:
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000))


def a_card_cache(*zones: tuple[DepartmentId, str]) -> CardCache:
    """The cards of an office with departments in these zones."""
    cards = CardCache(NORTH)
    for fact in stories.the_cards():
        if isinstance(fact, DepartmentSaved):
            zone = dict(zones).get(fact.department_id, "Europe/Moscow")
            cards.save(structs.replace(fact, timezone=zone))
    return cards


def candidate(
    name: str, removed_at: int, department_id: DepartmentId | None = SALES, agent_id: AgentId | None = None
) -> Candidate:
    return Candidate(
        voice_message_id=VoiceMessageId(name),
        contact_id=name,
        agent_id=agent_id,
        department_id=department_id,
        removed_at=Instant(removed_at),
    )


def names(machines: list[list[Candidate]]) -> list[list[str]]:
    return [[str(each.voice_message_id) for each in machine] for machine in machines]


@pytest.mark.rule("V6")
def test_the_letter_of_nine_o_clock_tells_of_all_that_goes_in_the_day_after_the_week() -> None:
    """One letter a day, in the morning of the department."""
    for now, until in (
        ("2026-12-01 09:00", "2026-12-09 09:00"),
        ("2026-12-01 23:59", "2026-12-09 09:00"),
        ("2026-12-02 08:59", "2026-12-09 09:00"),
        ("2026-12-02 09:00", "2026-12-10 09:00"),
    ):
        zone = "Asia/Yekaterinburg"
        assert retention_warnings.covered_until(moment(now, zone), ZoneInfo(zone)) == moment(until, zone)


@pytest.mark.rule("V6")
@given(removed_at=INSTANTS, zone=ZONES)
def test_whoever_looks_every_hour_warns_seven_days_before_and_not_much_earlier(
    removed_at: Instant, zone: str
) -> None:
    """A week to listen is what the rule promises, also where the clocks change meanwhile."""
    where = ZoneInfo(zone)
    before = removed_at - 10 * DAY_MS
    looks = range(before - before % 3_600_000, removed_at, 3_600_000)
    first = next(now for now in looks if removed_at < retention_warnings.covered_until(Instant(now), where))
    assert AHEAD_MS - 3_600_000 < removed_at - first <= AHEAD_MS + 26 * 3_600_000
    local = datetime.fromtimestamp(first / 1000, UTC).astimezone(where)
    assert local.hour in (9, 10), "within the hour after nine"


@pytest.mark.rule("V6")
def test_each_machine_has_a_warning_of_its_own_and_what_goes_first_stands_first() -> None:
    """A department's letters and Anna's own go to different people."""
    now = moment("2026-12-01 12:00")
    machines = retention_warnings.due(
        (
            candidate("late", now + AHEAD_MS),
            candidate("annas", now + AHEAD_MS - 2, None, ANNA),
            candidate("early", now + 5),
            candidate("of service", now + AHEAD_MS, SERVICE),
        ),
        a_card_cache(),
        now,
    )
    assert names(machines) == [["annas"], ["early", "late"], ["of service"]]


@pytest.mark.rule("V6")
def test_what_is_gone_or_goes_later_is_not_told() -> None:
    """A letter about audio that is gone is useless; one that comes too early is forgotten."""
    now = moment("2026-12-01 12:00")
    cards = a_card_cache((SALES, "Asia/Kamchatka"), (SERVICE, "Mars/Phobos"))
    later = moment("2026-12-09 09:00", "Asia/Kamchatka")
    listed = (
        candidate("gone", now),
        candidate("far", later),
        candidate("near", later - 1),
        candidate("far in utc", moment("2026-12-09 09:00"), SERVICE),
        candidate("near in utc", moment("2026-12-09 08:59"), SERVICE),
    )
    assert names(retention_warnings.due(listed, cards, now)) == [["near"], ["near in utc"]]


def test_one_fact_lists_no_more_than_a_record_of_the_log_takes() -> None:
    """The others come with the next sweep."""
    now = moment("2026-12-01 12:00")
    many = [candidate(f"{number:04}", now + 1) for number in range(retention_warnings.LISTED_MAX + 5)]
    assert [len(machine) for machine in retention_warnings.due(many, a_card_cache(), now)] == [
        retention_warnings.LISTED_MAX
    ]


def a_warning(*voice_message_ids: str) -> WarningWanted:
    messages = tuple(
        UnheardMessage(
            voice_message_id=VoiceMessageId(each),
            caller=stories.CUSTOMER,
            taken_at=stories.at(0),
            duration_ms=6_000,
            removed_at=stories.at(100),
        )
        for each in voice_message_ids
    )
    return WarningWanted(department_id=SALES, agent_id=None, messages=messages)


def a_message_of(office: Office, leg: str, message: str) -> Office:
    """A caller leaves a voice message in Sales."""
    id_, recording_id = VoiceMessageId(message), RecordingId(f"{message}.recording")
    return office.say(
        a_call(leg),
        place(leg),
        structs.replace(ASKED, voice_message_id=id_, leg_id=LegId(leg), recording_id=recording_id),
        structs.replace(TAKEN, voice_message_id=id_, recording_id=recording_id),
        structs.replace(STORED, voice_message_id=id_),
        hung_up(leg),
        at_s=5,
    )


@pytest.mark.rule("V6")
def test_a_warning_says_from_whom_since_when_how_long_and_until_when() -> None:
    """Voicemail may have forgotten the message: the fact has all that the letter shows."""
    office = a_message_of(Office(), "in1", str(MESSAGE))
    contact = office.contact()
    fact = retention_warnings.warning_wanted(
        [structs.replace(candidate(str(MESSAGE), 9), contact_id="in1")], {"in1": contact}
    )
    assert fact is not None
    assert (fact.department_id, fact.agent_id) == (SALES, None)
    assert fact.messages == (
        UnheardMessage(
            voice_message_id=MESSAGE,
            caller=stories.CUSTOMER,
            taken_at=stories.at(5),
            duration_ms=6_000,
            removed_at=Instant(9),
        ),
    )
    assert retention_warnings.warning_wanted([candidate("gone", 9)], {}) is None


@pytest.mark.rule("V6", "V4")
def test_a_letter_about_several_voice_messages_is_shown_with_each_of_them() -> None:
    """The voice message shows that its owner was warned, and what the mail server said."""
    office = a_message_of(a_message_of(Office(), "in1", "vm.1"), "in2", "vm.2")
    due = v.LetterDue(
        letter_id="letter.vm.1.unheard.0",
        kind=v.LetterKind.UNHEARD,
        recipient=Recipient(name="Boris", email="boris@north.example"),
        voice_message_ids=(VoiceMessageId("vm.1"), VoiceMessageId("vm.2")),
    )
    office.say(a_warning("vm.1", "vm.2"), at_s=60)
    office.say(v.LetterAccepted(letter_id=due.letter_id, answer="250 ok"), due, at_s=61)
    office.say(a_warning("vm.1", "vm.2"), at_s=70)
    for leg, message in (("in1", "vm.1"), ("in2", "vm.2")):
        contact = office.contact(leg)
        assert contact.messages[0].warned_at == stories.at(60), "the first time counts"
        assert [(each.voice_message_id, each.state) for each in contact.letters] == [(message, "accepted")]
