"""Apache Kafka's jars come from a registry, which may fail to answer once."""

from pathlib import Path

import pytest

from ringback.stack import kafka
from ringback.stack.process import StackError

_MAVEN = """#!/bin/sh
echo "$@" >> "$0.calls"
[ "$(wc -l < "$0.calls")" -lt {works_at} ] && echo 'no plugin found' && exit 1
for each in "$@"; do
  case $each in -DoutputDirectory=*) mkdir -p "${{each#*=}}"; touch "${{each#*=}}/a.jar";; esac
done
"""


def _maven(folder: Path, monkeypatch: pytest.MonkeyPatch, *, works_at: int) -> Path:
    """A Maven that works at this call of it; returns the file of its arguments, a line a call."""
    program = folder / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(_MAVEN.format(works_at=works_at))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return program.with_name("mvn.calls")


def test_a_registry_that_fails_to_answer_once_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _maven(tmp_path, monkeypatch, works_at=2)

    found = kafka.jars()

    assert [each.name for each in found.iterdir()] == ["a.jar"]
    first, second = calls.read_text().splitlines()
    assert second == f"{first} -U"


def test_a_registry_that_never_answers_is_named_and_leaves_no_folder_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _maven(tmp_path, monkeypatch, works_at=100)

    with pytest.raises(StackError, match=r"maven can't fetch Apache Kafka:\nno plugin found"):
        kafka.jars()

    assert len(calls.read_text().splitlines()) == kafka.FETCH_TRIES
    assert [each.name for each in (tmp_path / "cache" / "ringback").iterdir()] == ["kafka.lock"]
