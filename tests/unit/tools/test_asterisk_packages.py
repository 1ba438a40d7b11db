"""Why an Asterisk can't be had is told so that a person can act; and which versions will do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ringback.stack.asterisk import NoAsterisk, Root, fetched, fetched_beside
from ringback.stack.asterisk.packages import PROGRAMS, is_supported

Programs = Callable[..., None]


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("22.4.0", True),
        ("1:22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("22.3.1", False),
        ("20.14.0", True),
        ("20.13.9", False),
        ("21.9.0", True),
        ("23.0.0", True),
        ("1:20.6.0~dfsg+~cs6.13.40431414-2", False),
        ("18.24.1", False),
        ("", False),
        ("GIT-master-1234", False),
    ],
)
def test_a_version_is_supported_from_the_one_that_takes_requests_on_its_websocket(
    version: str, is_enough: bool
) -> None:
    assert is_supported(version) is is_enough


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """An empty cache, and a machine that has only the given programs, as shell scripts."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(folder))

    def put(**scripts: str) -> None:
        for name in PROGRAMS:
            script = scripts.get(name.replace("-", "_"), "exit 0")
            (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (folder / name).chmod(0o755)

    return put


def nothing(line: str) -> None:
    """Progress that nobody reads."""


@pytest.mark.usefixtures("programs")
def test_a_machine_without_debians_programs_is_told_which_it_lacks() -> None:
    with pytest.raises(NoAsterisk, match="apt-get, apt-cache, dpkg-deb, tar, which this machine lacks"):
        fetched(nothing)


def test_a_machine_that_is_not_debian_is_told_so(programs: Programs) -> None:
    programs()
    with pytest.raises(NoAsterisk, match=r"forky: apt knows no mirror of Debian here.*sid: "):
        fetched(nothing)


APT = """case "$*" in
*indextargets*) echo https://mirror.example/debian/;;
*update*) {update};;
esac"""


def test_a_mirror_that_cannot_be_reached_is_told_in_apts_words(programs: Programs) -> None:
    programs(apt_get=APT.format(update="echo 'E: could not resolve mirror.example' >&2; exit 100"))
    with pytest.raises(NoAsterisk, match=r"apt-get says: E: could not resolve mirror\.example"):
        fetched(nothing)


def test_a_package_beside_asterisk_that_cannot_be_had_is_told_with_its_suite(
    tmp_path: Path, programs: Programs
) -> None:
    programs(apt_get=APT.format(update="echo 'E: could not resolve mirror.example' >&2; exit 100"))
    with pytest.raises(NoAsterisk, match=r"a-phone of Debian sid can't be had: apt-get says: E: could not"):
        fetched_beside(Root(tmp_path, "22.10.1", "sid"), "a-phone", say=nothing)


def test_a_suite_whose_asterisk_is_too_old_is_told_with_its_version(programs: Programs) -> None:
    programs(apt_get=APT.format(update="true"), apt_cache="echo 'Version: 1:18.24.1~dfsg-1'")
    with pytest.raises(
        NoAsterisk, match=r"it has Asterisk 1:18.24.1~dfsg-1, and needed is 20.14, 21.9, 22.4 or newer"
    ):
        fetched(nothing)


def test_a_cache_that_cannot_be_written_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(NoAsterisk, match=f"can't be kept in {tmp_path}/file"):
        fetched(nothing)
