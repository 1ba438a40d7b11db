"""The outbox: nothing that can't be sent holds up anything else, and nobody waits for another's backlog."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from contracts import codec
from contracts.codec import VALUE_BYTES_MAX, Envelope
from contracts.directory import (
    AgentAvailabilitySaved,
    CallbackAsked,
    CallbackCancelAsked,
    Language,
    NoticeSaved,
)
from contracts.ids import CallbackId, DepartmentId, Instant, NoticeId, PbxId
from contracts.message import Message, type_name
from contracts.scenario import ScenarioSaved
from contracts.telephony import CheckExtension
from runtime.edge import NeverSaid, NotSaid
from runtime.ports import Outgoing
from services.directory.activities import outbox, set_aside
from services.directory.activities.outbox_sender import AGE_MS_MAX, BATCH_MAX
from services.directory.activities.set_aside import NotSetAside
from services.directory.activities.tables import OUTBOX, SAID
from tests.integration.directory.companies import NOW, ORGANIZATION, Company
from tests.integration.directory.older import begun_again, rows

WEEK = [0, 1, 2, 3, 4, 5, 6]
OTHER = "yug"


def record(message: Message, *, organization: str = ORGANIZATION, seq: int = 0, id_: str = "x") -> Outgoing:
    return outbox.record(message, id_=id_, organization_id=organization, now_at=NOW, seq=seq)


def notice(index: int, text: str = "Здравствуйте") -> NoticeSaved:
    return NoticeSaved(notice_id=NoticeId(f"n{index}"), version=1, language=Language.RUSSIAN, text=text)


async def lay(company: Company, *records: Outgoing) -> None:
    async with company.directory.database.begin() as connection:
        await outbox.put(connection, records)


async def aside(company: Company) -> list[set_aside.SetAside]:
    async with company.directory.database.begin() as connection:
        return await set_aside.listed(connection)


class Refusing:
    """The log, which refuses every batch with a message in which a text stands."""

    def __init__(self, company: Company, *texts: str) -> None:
        self.sender = type(company.directory.sender)(company.directory.database, self.send, company.clock)
        self.texts = texts
        self.sent: list[tuple[str, Message]] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        for each in records:
            if any(text in each.value.decode() for text in self.texts):
                raise NeverSaid("the batch is larger than 1000000 bytes")
        for each in records:
            envelope = codec.envelope(each.headers)
            self.sent.append((envelope.organization_id, codec.decode(envelope.type, each.value)))

    async def all_sent(self) -> list[tuple[str, Message]]:
        while await self.sender.round():
            pass
        return self.sent


async def released(company: Company) -> None:
    """Empty the outbox, and let another sender have the lease."""
    await company.sent()
    company.clock.advance(16)


def scenario(elements: int, ranges: int, days: Sequence[int] = WEEK) -> dict[str, Any]:
    hours = [{"days": list(days), "from_minute": n * 20, "until_minute": n * 20 + 9} for n in range(ranges)]
    listed: list[dict[str, Any]] = [
        {
            "element_id": f"e{n}",
            "kind": "hours",
            "hours": hours,
            "arrows": [{"on": "open", "to": f"e{n + 1}"}, {"on": "closed", "to": "end"}],
        }
        for n in range(elements)
    ]
    listed[-1]["arrows"][0]["to"] = "end"
    return {
        "id": "night",
        "name": "Ночь",
        "pbx_id": "moskva",
        "elements": [*listed, {"element_id": "end", "kind": "hang_up"}],
    }


@pytest.mark.rule("O1")
async def test_a_scenario_whose_hours_would_fill_megabytes_is_refused(quick_company: Company) -> None:
    """Ninety-nine elements with fifty ranges each would be a fact of fifteen megabytes."""
    answer = await quick_company.call("POST", "/scenarios", scenario(99, 50))
    assert (answer.status_code, answer.json()["code"]) == (422, "hours_many")
    assert "34650" in answer.json()["cause"]["ru"]
    assert "350" in answer.json()["cause"]["en"]


@pytest.mark.rule("O1")
async def test_a_card_whose_fact_no_reader_would_take_is_refused_by_name_size_and_limit(
    company: Company,
) -> None:
    """From 256 KiB on readers would put it away as a dead letter, and nobody would know."""
    await company.sent()
    company.log.sent.clear()
    wide = scenario(49, 1)
    end = "e" * 64
    menus: list[dict[str, Any]] = [
        {
            "element_id": f"m{n}",
            "kind": "menu",
            "arrows": [{"on": str(digit), "to": end} for digit in range(10)]
            + [{"on": "no_choice", "to": f"m{n + 1}" if n < 48 else end}],
        }
        for n in range(49)
    ]
    wide["elements"][48]["arrows"][0]["to"] = "m0"
    wide["elements"] = [*wide["elements"], *menus, {"element_id": end, "kind": "hang_up"}]
    answer = await company.call("POST", "/scenarios", wide)
    found = answer.json()
    assert (answer.status_code, found["code"]) == (422, "too_large")
    assert "«Ночь»" in found["cause"]["ru"]
    assert " 191 KiB" in found["cause"]["en"]
    assert "Make it smaller" in found["remedy"]["en"]
    # Nothing of the refused change was saved or said.
    assert (await company.call("GET", "/scenarios/night")).status_code == 404
    assert (await company.sent()).sent == []
    sheet = {"organization_id": ORGANIZATION, "organization": {"name": "Восток"}}
    del wide["id"]
    answer = await company.call("PUT", "/office", {**sheet, "scenarios": {"night": wide}})
    assert (answer.json()["code"], answer.json()["field"]) == ("too_large", "scenarios.night")


@pytest.mark.rule("E5")
async def test_hours_that_grow_too_large_by_themselves_are_alarmed_and_stop_nobody_else(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours roll on daily: the round goes on with the other cards and the other organizations."""
    week = [{"days": WEEK, "from_minute": 540, "until_minute": 1080}]
    await company.changed("/employees/gusev-r", hours=week)
    wide = scenario(40, 1)
    assert (await company.call("POST", "/scenarios", wide)).status_code == 201
    await company.sent()
    company.log.sent.clear()
    company.clock.advance(3 * 24 * 3600)
    monkeypatch.setattr("services.directory.rules.sizes.VALUE_BYTES_MAX", 60_000)
    await company.directory.maintenance.round()
    log = await company.sent()
    assert len(log.facts(AgentAvailabilitySaved)) == 1
    assert log.facts(ScenarioSaved) == []
    # It is said as soon as it fits again.
    monkeypatch.undo()
    company.clock.advance(3600)
    await company.directory.maintenance.round()
    assert len((await company.sent()).facts(ScenarioSaved)) == 1


@pytest.mark.rule("O1")
async def test_a_message_that_the_log_refuses_is_set_aside_and_the_others_go_on(company: Company) -> None:
    """One organization's message may not keep the others' from the log."""
    await released(company)
    log = Refusing(company, "Огромный")
    await lay(
        company,
        record(notice(1, "Огромный"), id_="big"),
        record(notice(2), id_="small"),
        record(notice(3), organization=OTHER, id_="other"),
    )
    sent = await log.all_sent()
    assert [(organization, fact.notice_id) for organization, fact in sent] == [  # type: ignore[attr-defined]
        (ORGANIZATION, "n2"),
        (OTHER, "n3"),
    ]
    [row] = await aside(company)
    assert (row.id, row.organization_id, row.times) == ("big", ORGANIZATION, 1)
    assert row.type == "directory.notice_saved"
    assert "larger than" in row.reason


@pytest.mark.rule("O1")
async def test_a_message_that_readers_would_put_away_is_not_sent(company: Company) -> None:
    """One of before there was a limit, still in the outbox at the upgrade."""
    await released(company)
    log = Refusing(company)
    fact = notice(1, "Я" * VALUE_BYTES_MAX)
    await lay(company, record(fact), record(notice(2)))
    assert [each.notice_id for _, each in await log.all_sent()] == ["n2"]  # type: ignore[attr-defined]
    [row] = await aside(company)
    assert str(VALUE_BYTES_MAX) in row.reason


@pytest.mark.rule("O1")
async def test_a_row_that_cannot_be_read_is_set_aside(company: Company) -> None:
    """Bytes that nobody can decode stop nobody."""
    await released(company)
    log = Refusing(company)
    async with company.directory.database.begin() as connection:
        await connection.execute(insert(OUTBOX).values(record=b"\xc1", organization_id=ORGANIZATION, at=NOW))
    await lay(company, record(notice(2)))
    assert len(await log.all_sent()) == 1
    [row] = await aside(company)
    assert (row.type, row.bytes) == ("", 1)
    async with company.directory.database.begin() as connection:
        assert (await set_aside.shown(connection, row.number))[1] == b"\xc1"


async def test_while_the_log_is_away_nothing_is_set_aside(company: Company) -> None:
    """An outage ends; what can never be sent does not."""
    await company.sent()
    company.log.is_away = True
    await lay(company, record(notice(1)), record(notice(2)))
    with pytest.raises(NotSaid):
        await company.directory.sender.round()
    assert await aside(company) == []
    company.log.is_away = False
    assert await company.directory.sender.round() == 2


async def test_only_what_must_keep_its_order_waits_behind_a_message_that_is_set_aside(
    company: Company,
) -> None:
    """A PBX takes only the next number; a request to cancel is nothing before the order."""
    await released(company)
    log = Refusing(company, "77777", "Огромный")
    asked = CallbackAsked(
        callback_id=CallbackId("callback.api.1"), department_id=DepartmentId("sales"), number="Огромный"
    )
    await lay(
        company,
        record(CheckExtension(pbx_id=PbxId("a"), extension="77777"), seq=1),
        record(CheckExtension(pbx_id=PbxId("a"), extension="2"), seq=2),
        record(CheckExtension(pbx_id=PbxId("b"), extension="3"), seq=1),
        record(CheckExtension(pbx_id=PbxId("a"), extension="4"), seq=1, organization=OTHER),
        record(asked),
        record(CallbackCancelAsked(callback_id=CallbackId("callback.api.1"))),
        record(notice(1)),
    )
    sent = await log.all_sent()
    assert sorted(getattr(each, "extension", "") for _, each in sent) == ["", "3", "4"]
    assert [type_name(each) for _, each in sent if not isinstance(each, CheckExtension)] == [
        "directory.notice_saved"
    ]
    # Rows that come later wait as well, round after round.
    await lay(company, record(CheckExtension(pbx_id=PbxId("a"), extension="5"), seq=3))
    assert await log.sender.round() == 0
    await log.sender.look()
    company.clock.advance(10 * AGE_MS_MAX / 1000)
    await log.sender.look()
    assert not log.sender.is_late()


async def test_a_message_that_was_set_aside_can_be_sent_again(company: Company) -> None:
    """It goes before what waited for it; refused once more, it is counted."""
    await released(company)
    log = Refusing(company, "77777")
    await lay(
        company,
        record(CheckExtension(pbx_id=PbxId("a"), extension="77777"), seq=1),
        record(CheckExtension(pbx_id=PbxId("a"), extension="2"), seq=2),
    )
    await log.all_sent()
    [row] = await aside(company)
    for times in (2, 0):
        log.texts = ("77777",) if times else ()
        async with company.directory.database.begin() as connection:
            await set_aside.send_again(connection, row.number, company.clock.now())
        await log.all_sent()
        assert [each.times for each in await aside(company)] == ([times] if times else [])
    assert [each.extension for _, each in log.sent] == ["77777", "2"]  # type: ignore[attr-defined]


async def test_a_discarded_command_leaves_no_gap_in_its_pbx_s_numbers(company: Company) -> None:
    """A gateway accepts only the next number: the later commands move up."""
    await released(company)
    log = Refusing(company, "77777")
    async with company.directory.database.begin() as connection:
        for extension in ("1", "77777", "2", "3"):
            seq = await outbox.next_seq(connection, ORGANIZATION, PbxId("a"))
            command = CheckExtension(pbx_id=PbxId("a"), extension=extension)
            await outbox.put(connection, [record(command, seq=seq)])
    numbers: list[tuple[str, int]] = []
    send = log.send

    async def noted(records: Sequence[Outgoing]) -> None:
        await send(records)
        for each in records:
            envelope: Envelope = codec.envelope(each.headers)
            message: Any = codec.decode(envelope.type, each.value)
            numbers.append((message.extension, envelope.seq))

    log.sender._send = noted  # the same log, which also notes numbers
    await log.all_sent()
    [row] = await aside(company)
    async with company.directory.database.begin() as connection:
        await set_aside.discard(connection, row.number)
        with pytest.raises(NotSetAside):
            await set_aside.discard(connection, row.number)
    await log.all_sent()
    assert numbers == [("1", 1), ("2", 2), ("3", 3)]
    async with company.directory.database.begin() as connection:
        assert await outbox.next_seq(connection, ORGANIZATION, PbxId("a")) == 4


@pytest.mark.rule("O1")
async def test_nobody_waits_for_another_organization_s_backlog(company: Company) -> None:
    """A hundred thousand rows of one: another's single row goes with the next round."""
    await released(company)
    log = Refusing(company)
    await lay(company, *(record(notice(n)) for n in range(5 * BATCH_MAX)))
    await log.sender.round()
    await lay(company, record(notice(0), organization=OTHER))
    log.sent.clear()
    await log.sender.round()
    assert OTHER in {organization for organization, _ in log.sent}
    assert len(log.sent) <= BATCH_MAX
    # Each organization's facts keep their order.
    own = [each.notice_id for organization, each in await log.all_sent() if organization == ORGANIZATION]  # type: ignore[attr-defined]
    assert own == sorted(own, key=lambda id_: int(id_[1:]))


@pytest.mark.rule("O1")
async def test_more_organizations_than_a_round_has_rows_take_turns(company: Company) -> None:
    """Those at the end of the alphabet are not left out."""
    await released(company)
    log = Refusing(company)
    for turn in range(2):
        await lay(
            company,
            *(record(notice(turn), organization=f"o{n:04}") for n in range(BATCH_MAX + 50)),
        )
    rounds = 0
    while {organization for organization, _ in log.sent} != {f"o{n:04}" for n in range(BATCH_MAX + 50)}:
        assert await log.sender.round()
        rounds += 1
    assert rounds == 2


async def test_the_directory_is_not_ready_while_its_changes_do_not_reach_the_log(company: Company) -> None:
    """A message of a minute ago, or an outbox that stands; what is set aside does not count."""
    await released(company)
    log = Refusing(company, "Огромный")
    await lay(company, record(notice(1)))
    await log.sender.look()
    assert not log.sender.is_late()
    company.clock.advance(AGE_MS_MAX / 1000 + 1)
    await log.sender.look()
    assert log.sender.is_late()
    # It counts at once for a process that has just begun.
    later = Refusing(company)
    await later.sender.look()
    assert later.sender.is_late()
    await log.all_sent()
    await log.sender.look()
    assert not log.sender.is_late()
    # A large backlog that advances is no fault.
    await lay(company, record(notice(2)), record(notice(3)))
    async with company.directory.database.begin() as connection:
        await connection.execute(update(OUTBOX).values(at=Instant(company.clock.now() - 2 * AGE_MS_MAX)))
    await log.sender.look()
    assert not log.sender.is_late()
    company.clock.advance(11)
    assert log.sender.is_late()
    await log.all_sent()
    await lay(company, record(notice(1, "Огромный")))
    await log.all_sent()
    company.clock.advance(10 * AGE_MS_MAX / 1000)
    await log.sender.look()
    assert not log.sender.is_late()
    assert len(await aside(company)) == 1


async def test_facts_that_are_said_again_are_as_new_as_the_command(company: Company) -> None:
    """Each row has the age of its laying down."""
    await company.sent()
    company.clock.advance(3600)
    await lay(
        company,
        outbox.record(notice(1), id_="x", organization_id=ORGANIZATION, now_at=company.clock.now()),
    )
    async with company.directory.database.begin() as connection:
        assert (await connection.execute(select(func.min(OUTBOX.c.at)))).scalar() == company.clock.now()
        assert (await connection.execute(select(func.count()).select_from(SAID))).scalar()


async def test_messages_of_before_the_upgrade_are_sent_in_turns_as_well(company: Company) -> None:
    """The migration tells whose each message is."""
    await company.sent()
    await lay(
        company,
        record(notice(1)),
        record(notice(2), organization=OTHER),
        record(CheckExtension(pbx_id=PbxId("a"), extension="1"), seq=1),
    )
    waiting = [{"number": row["number"], "record": row["record"]} for row in await rows(company, OUTBOX)]
    waiting.append({"number": 1_000, "record": b"\xc1"})
    await begun_again(company, "0005", {OUTBOX: waiting})
    found = [(row["organization_id"], row["stream"], row["at"]) for row in await rows(company, OUTBOX)]
    assert found == [
        (ORGANIZATION, "", None),
        (OTHER, "", None),
        (ORGANIZATION, f"telephony/{ORGANIZATION}/a", None),
        ("?", "", None),
    ]
    await company.directory.sender.look()
    assert await company.directory.sender.round() == 4
    assert len(await aside(company)) == 1


async def test_the_sender_ends_also_when_it_is_woken_at_the_same_moment(company: Company) -> None:
    """Somebody saves a card while the process ends, some turns of the loop before: it goes on no more."""
    sender = Refusing(company).sender
    went_on = []
    for turns in range(6):
        running = asyncio.create_task(sender.run())
        while not sender._woken._waiters:  # asyncio does not show it otherwise
            await asyncio.sleep(0)
        sender.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running}, timeout=10)
        if not running.done():
            went_on.append(turns)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert went_on == []
