"""Applying a file to a log: what is said, once, and what is told again after a cut."""

from collections.abc import Sequence
from pathlib import Path

from contracts.codec import decode, envelope
from contracts.directory import AgentSaved
from contracts.ids import AgentId, OrganizationId, PbxId
from contracts.message import Fact
from contracts.tts import NoticeRendered, RenderNotice
from runtime.memory import MemoryClock, MemoryLog
from runtime.ports import Outgoing
from tests.unit.tools.offices import NOW, PLAIN, changed
from tools import log as facts_log
from tools.apply import office
from tools.apply.difference import Difference, difference, newest
from tools.apply.document import read
from tools.apply.run import known, load, say, settled, unanswered

VETER = OrganizationId("veter")
SPOKEN = changed(("lines:", 'notices: {welcome: {spoken: "Это {department}"}}\n    lines:'))


async def applied(
    log: MemoryLog, text: str, *, is_cut_short: bool = False
) -> tuple[Difference, list[RenderNotice]]:
    """Apply a file as the program does; cut short, it dies before the commands are sent."""
    wanted = office.facts(read(text), NOW)
    heard, is_whole = await known(log, 0, VETER)
    found = difference(wanted, newest(heard), version_first=1 if is_whole else 99)
    commands = unanswered(office.renderings(settled(wanted, found, heard)), heard)
    await say(log, 0, VETER, found, [] if is_cut_short else commands)
    return found, commands


async def test_a_file_is_said_once_and_again_only_what_changed() -> None:
    """Whoever applies a file twice has done it once."""
    log = MemoryLog(MemoryClock())
    first, _ = await applied(log, PLAIN)
    second, _ = await applied(log, PLAIN)
    third, _ = await applied(log, changed(("Зимина Вера", "Зимина-Лугова Вера")))
    assert len(first.changes) == 13
    assert second.changes == ()
    assert [getattr(fact, "version", 0) for fact in third.facts()] == [2]


async def test_facts_travel_as_the_directorys_without_a_number() -> None:
    """Readers go by the versions of entities, so a repeat or a second writer does no harm."""
    log = MemoryLog(MemoryClock())
    await applied(log, PLAIN)
    found = [envelope(record.headers) for record in log.facts[0]]
    assert {each.source for each in found} == {"directory"}
    assert {each.seq for each in found} == {0}
    assert {each.organization_id for each in found} == {VETER}
    assert len({each.id for each in found}) == len(found)


async def test_another_organization_on_the_same_partition_is_left_alone() -> None:
    """O1: nothing done for one can change another's, also where they share a partition and agents' ids."""
    log = MemoryLog(MemoryClock())
    stranger = AgentSaved(
        agent_id=AgentId("gusev"),
        version=7,
        name="Another",
        pbx_id=PbxId("x"),
        extension="1",
        devices=(),
    )
    await facts_log.say(log, 0, OrganizationId("parus"), [("directory/parus/agent/gusev/7", stranger)])
    found, _ = await applied(log, PLAIN)
    assert {getattr(fact, "version", 0) for fact in found.facts()} == {1}


async def test_a_notice_is_asked_for_until_somebody_has_answered() -> None:
    """An apply that died between facts and commands is finished by the next one."""
    log = MemoryLog(MemoryClock())
    await applied(log, SPOKEN, is_cut_short=True)
    again, commands = await applied(log, SPOKEN)
    assert again.changes == ()
    assert [command.notice_id for command in commands] == ["sales.welcome"]
    (sent,) = log.topics["speech"]
    assert decode("speech.render_notice", sent.value) == commands[0]
    rendered = NoticeRendered(
        notice_id=commands[0].notice_id, version=1, language=commands[0].language, parts=("k",), duration_ms=1
    )
    await facts_log.say(log, 0, VETER, [("t1", rendered)])
    assert (await applied(log, SPOKEN))[1] == []


async def test_a_log_that_has_lost_its_beginning_is_noticed() -> None:
    """Versions start above whatever readers may still know."""
    log = MemoryLog(MemoryClock())
    await applied(log, PLAIN)
    log.trim_before(0, 5)
    found, _ = await applied(log, PLAIN)
    assert {getattr(fact, "version", 0) for fact in found.facts()} == {99}


async def test_many_facts_are_appended_in_batches_that_a_broker_takes() -> None:
    """A thousand agents' hours are more than one record batch holds."""
    log = MemoryLog(MemoryClock())
    sizes: list[int] = []
    append = log.append

    async def counted(partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        sizes.append(sum(len(record.value) for record in records))
        return await append(partition, records, at=at)

    log.append = counted  # type: ignore[method-assign]  # the port, with a scale under it
    agent = AgentSaved(
        agent_id=AgentId("a"),
        version=1,
        name="x" * 1000,
        pbx_id=PbxId("x"),
        extension="1",
        devices=(),
    )
    facts: list[tuple[str, Fact]] = [(f"id{number}", agent) for number in range(500)]
    await facts_log.say(log, 0, VETER, facts)
    assert len(log.facts[0]) == 500
    assert max(sizes) <= facts_log.BATCH_BYTES_MAX


def test_an_uploaded_notice_is_found_beside_the_file_and_named_by_its_content(tmp_path: Path) -> None:
    """The same recording again is the same object, and its key tells nobody's name."""
    (tmp_path / "hello.wav").write_bytes(b"RIFF....WAVE")
    text = changed(("lines:", "notices: {welcome: {uploaded: hello.wav}}\n    lines:"))
    file = tmp_path / "office.yaml"
    file.write_text(text, encoding="utf-8")
    document, audio = load(file)
    assert office.examine(document)[1] == []
    ((key, data),) = audio.items()
    assert key.startswith("uploads/")
    assert key.endswith(".wav")
    assert data == b"RIFF....WAVE"
    (command,) = office.renderings(office.facts(document, NOW))
    assert command.key == key
