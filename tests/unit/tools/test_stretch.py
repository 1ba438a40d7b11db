"""A log in a file is the log: byte for byte, readable by its owner, and its mistakes are named."""

import stat
from pathlib import Path

import msgspec
import pytest

from ringback import log_stretch
from ringback.export import log_file
from ringback.log_stretch import Unclear, Unreadable
from ringback.replay.model import Model
from runtime.ports import LogRecord
from tests.unit.tools.stretches import NORTH, agent, answers, caller, office, records, sales


def morning() -> list[LogRecord]:
    made = office((agent("quick", "201"), sales("quick")), [caller("k1", 0)], {"quick": answers(3)})
    return records(Model(made, made.book).run())


def test_a_log_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    """Replay and why find the same in a file as on the log."""
    file = tmp_path / "log.jsonl"
    log_file.write(file, morning())
    assert log_stretch.of_file(file) == morning()


def test_a_value_that_can_not_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    """A dead letter's bytes are evidence."""
    broken = LogRecord(0, 7, 1, (("ce_id", b"x"),), b"\xff not json")
    empty = LogRecord(0, 8, 1, (), None)
    file = tmp_path / "log.jsonl"
    log_file.write(file, [broken, empty])
    assert log_stretch.of_file(file) == [broken, empty]


def test_an_exported_log_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    """It holds every phone number in clear."""
    file = tmp_path / "log.jsonl"
    log_file.write(file, morning())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        log_file.write(file, [])


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    """The file may have been cut or edited."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(log_stretch.line(morning()[0]) + b'{"partition": 0, "off\n')
    with pytest.raises(Unreadable, match="line 2 is not a log record"):
        log_stretch.of_file(file)


def test_a_stretch_is_whole_when_the_logs_first_record_is_in_it() -> None:
    """Else a reader has no business to expect everybody's first number."""
    assert log_stretch.stretches(morning())[NORTH].is_whole
    assert not log_stretch.stretches(morning()[1:])[NORTH].is_whole


def test_an_organization_that_is_not_there_is_refused_with_those_that_are() -> None:
    """One log holds many."""
    found = log_stretch.stretches(morning())
    with pytest.raises(Unclear, match="it has: north"):
        log_stretch.chosen(found, "south")
    with pytest.raises(Unclear, match="has no organization yet"):
        log_stretch.chosen({}, None)
    assert len(list(log_stretch.kept(morning(), "south"))) == 0


def test_times_never_go_back_over_a_partition_as_every_reader_takes_them() -> None:
    """A broker's clock was set back, or another organization's record was stamped later: deadlines and waits
    hang on max(previous, record), and a file may hold its lines in any order."""
    made = morning()
    late = msgspec.structs.replace(made[5], at=made[5].at + 90_000)
    elsewhere = LogRecord(1, 0, 1, made[0].headers, made[0].value)
    records_ = [*reversed(made[6:]), elsewhere, *made[:5], late]
    found = [reading for reading in log_stretch.stretches(records_)[NORTH].readings if reading.partition == 0]
    assert [each.offset for each in found] == sorted(each.offset for each in found)
    times = [each.at for each in found]
    assert times == sorted(times)
    assert min(each.at for each in found if each.offset >= 5) == late.at
    assert [each.at for each in found if each.offset < 5] == [each.at for each in made[:5]]


def test_an_organization_alone_is_exported_with_the_times_that_its_readers_knew() -> None:
    """What another organization's record said of the time is lost with that record."""
    made = morning()
    headers = tuple(
        (name, b"south" if name == "ce_organization" else value) for name, value in made[3].headers
    )
    others = LogRecord(0, made[3].offset, made[3].at + 90_000, headers, made[3].value)
    kept = list(log_stretch.kept([*made[:3], others, *made[4:]], "north"))
    assert others.offset not in {each.offset for each in kept}
    assert all(each.at >= others.at for each in kept if each.offset > others.offset)
    assert list(log_stretch.kept(made, None)) == made
