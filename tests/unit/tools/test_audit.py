"""An audit says for how many packages it got an answer, and takes no silence for good news."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devtools.advisories import (
    Affected,
    AffectedPackage,
    Answer,
    Event,
    Range,
    Vulnerability,
    from_records,
    is_affected,
)
from devtools.audit import UNANSWERED, VULNERABLE, first_answer, verdict
from devtools.pins import Pin

TODAY = datetime(2026, 11, 29, tzinfo=UTC)
ALPHA, BETA = Pin("alpha", "1.5", "", (), ()), Pin("beta-two", "2.0.0", "", (), ())
PINS = (ALPHA, BETA)
OF_NPM = {"package": {"ecosystem": "npm", "name": "alpha"}, "versions": ["1.5"]}


def record(name: str = "alpha", **changed: Any) -> dict[str, Any]:
    """An OSV record of a package that is vulnerable from 1.0 on until 1.6."""
    events = [{"introduced": "1.0"}, {"fixed": "1.6"}]
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {
        "id": "PYSEC-2026-1",
        "modified": "2026-11-28T10:00:00Z",
        "affected": [affected],
        "summary": "Fields that we do not read are there, too.",
        **changed,
    }


def answer_of(folder: Path, *records: dict[str, Any]) -> Answer:
    """What these records say of the pins."""
    for number, each in enumerate(records):
        (folder / f"{number}.json").write_text(json.dumps(each), encoding="utf-8")
    return from_records(PINS, folder, TODAY, records_min=1)


def test_records_answer_for_every_package_and_find_the_vulnerable_one(tmp_path: Path) -> None:
    answer = answer_of(tmp_path, record(aliases=["CVE-2026-7"]))
    assert answer.answered == {"alpha", "beta-two"}
    assert answer.found == (Vulnerability("alpha", "1.5", ("PYSEC-2026-1", "CVE-2026-7"), ("1.6",)),)
    assert answer.source.endswith("the newest of 2026-11-28")


def test_records_are_read_from_a_zip_as_osv_publishes_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.writestr("PYSEC-2026-1.json", json.dumps(record("Beta_Two", affected=[])))
        packed.writestr("PYSEC-2026-2.json", json.dumps(record()))
    assert [
        each.package for each in from_records(PINS, tmp_path / "all.zip", TODAY, records_min=1).found
    ] == ["alpha"]


def test_a_package_is_the_same_however_its_name_is_spelt(tmp_path: Path) -> None:
    affected = [{"package": {"ecosystem": "PyPI", "name": "Beta_Two"}, "versions": ["2.0"]}]
    assert [each.package for each in answer_of(tmp_path, record(affected=affected)).found] == ["beta-two"]


def test_a_vulnerability_with_two_records_is_told_once(tmp_path: Path) -> None:
    """Most have a record for each of the names under which they are known."""
    other = record(id="GHSA-aaaa", aliases=["CVE-2026-7"])
    assert len(answer_of(tmp_path, record(aliases=["CVE-2026-7", "GHSA-aaaa"]), other).found) == 1


def test_a_withdrawn_record_and_one_of_another_ecosystem_say_nothing(tmp_path: Path) -> None:
    withdrawn = record(id="PYSEC-2026-2", withdrawn="2026-11-01T00:00:00Z")
    answer = answer_of(tmp_path, withdrawn, record(affected=[OF_NPM]))
    assert answer.found == ()
    assert answer.answered == {"alpha", "beta-two"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "only 0 are of PyPI"),
        (
            json.dumps(record(affected=[OF_NPM])),
            "only 0 are of PyPI",
        ),
        (json.dumps(record(modified="2026-10-01T00:00:00Z")), "the newest is of 2026-10-01, too old"),
        ("<html>", "can't be read"),
    ],
    ids=["empty", "another-ecosystem", "old", "broken"],
)
def test_records_that_say_nothing_of_today_answer_for_no_package(
    text: str | None, why: str, tmp_path: Path
) -> None:
    """A forgotten copy must not say for years that all is well."""
    if text is not None:
        (tmp_path / "one.json").write_text(text, encoding="utf-8")
    answer = from_records(PINS, tmp_path, TODAY, records_min=1)
    assert not answer.answered
    assert why in answer.silent_because


def test_a_part_of_the_records_answers_for_no_package(tmp_path: Path) -> None:
    """What is not among them need not be free of vulnerabilities."""
    (tmp_path / "one.json").write_text(json.dumps(record()), encoding="utf-8")
    answer = from_records(PINS, tmp_path, TODAY)
    assert not answer.answered
    assert "only 1 are of PyPI, a part of all" in answer.silent_because


def test_records_that_are_not_there_answer_for_no_package(tmp_path: Path) -> None:
    answer = from_records(PINS, tmp_path / "all.zip", TODAY)
    assert not answer.answered
    assert "can't be read" in answer.silent_because


def affected(*events: Event, kind: str = "ECOSYSTEM", versions: tuple[str, ...] = ()) -> Affected:
    """A package's affected versions."""
    package = AffectedPackage("PyPI", "alpha")
    return Affected(package, [Range(kind, list(events))] if events else [], list(versions))


@pytest.mark.parametrize(
    ("version", "affects", "is_it"),
    [
        ("1.5", affected(Event("0"), Event(fixed="1.6")), True),
        ("1.6", affected(Event("0"), Event(fixed="1.6")), False),
        ("1.6", affected(Event("1.0"), Event(last_affected="1.6")), True),
        ("1.7", affected(Event("1.6"), Event(last_affected="1.6")), False),
        ("0.9", affected(Event("1.0")), False),
        ("9.0", affected(Event("1.0")), True),
        ("2.1", affected(Event("1.0"), Event(fixed="1.6"), Event("2.0"), Event(fixed="2.2")), True),
        ("1.10", affected(Event("2.0"), Event(fixed="2.2"), Event("0"), Event(fixed="1.9")), False),
        ("1.5", affected(Event("2004d"), Event(fixed="x")), True),
        ("1.5", affected(Event("0"), kind="GIT"), False),
        ("1.5.0", affected(versions=("2004d", "1.5")), True),
        ("1.5", affected(versions=("1.50", "1.5rc1")), False),
    ],
    ids=[
        *(
            "before-the-fix",
            "the-fix",
            "last",
            "after-the-last",
            "before",
            "no-fix",
            "second-range",
            "no-order",
        ),
        *("unreadable", "commits", "spelt-otherwise", "not-listed"),
    ],
)
def test_a_version_is_affected_as_the_schema_of_osv_says(
    version: str, affects: Affected, is_it: bool
) -> None:
    assert is_affected(version, affects) is is_it


BOTH = frozenset({"alpha", "beta-two"})
FOUND = (Vulnerability("alpha", "1.5", ("PYSEC-2026-1", "CVE-2026-7"), ()),)


@pytest.mark.parametrize(
    ("answer", "allow_unanswered", "code"),
    [
        (Answer("osv", BOTH), False, 0),
        (Answer("osv", BOTH, FOUND), False, VULNERABLE),
        (Answer("osv"), False, UNANSWERED),
        (Answer("osv"), True, 0),
        (Answer("osv", frozenset({"beta-two"})), False, UNANSWERED),
        (Answer("osv", frozenset({"alpha"}), FOUND), True, VULNERABLE),
    ],
    ids=["clean", "vulnerable", "silent", "silence-allowed", "half", "vulnerable-and-half"],
)
def test_the_exit_code_tells_clean_vulnerable_and_unanswered_apart(
    answer: Answer, allow_unanswered: bool, code: int
) -> None:
    assert verdict(PINS, answer, shipped=BOTH, allow_unanswered=allow_unanswered) == code


def test_silence_is_never_told_as_no_vulnerability(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it is allowed: whoever reads the output must not take it for an audit."""
    verdict(PINS, Answer("osv"), shipped=BOTH, allow_unanswered=True)
    told = capsys.readouterr()
    assert "0 of 2 packages were answered for" in told.out
    assert "no known vulnerability" not in told.out
    assert "NOT AUDITED: alpha, beta-two: nobody knows whether they are vulnerable" in told.err


def test_a_vulnerability_is_told_with_where_the_package_runs(capsys: pytest.CaptureFixture[str]) -> None:
    verdict(PINS, Answer("osv", BOTH, FOUND), shipped={"alpha"})
    assert "alpha 1.5 (production): PYSEC-2026-1, CVE-2026-7; no version is fixed" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-7"])
def test_a_vulnerability_that_was_decided_on_is_accepted_by_each_of_its_names(name: str) -> None:
    assert verdict(PINS, Answer("osv", BOTH, FOUND), shipped=BOTH, accepted=[name]) == 0


def test_the_next_source_is_asked_if_one_answers_for_no_package() -> None:
    asked = iter([Answer("first", silent_because="no name"), Answer("second", BOTH), Answer("third", BOTH)])
    assert first_answer(asked).source == "second"
    assert next(asked).source == "third", "a source was asked although one had answered"
