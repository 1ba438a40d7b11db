"""A real Asterisk as a part: it starts, answers, is killed, and goes on where it was."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from contracts.ids import PbxId
from ringback.pbx_files.plan import PbxPlan, PlannedPhone
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from ringback.stack.asterisk.instance import texts

pytestmark = pytest.mark.timeout(240)

DIALPLAN = "[from-trunk]\nexten => _X.,1,Hangup(17)\n"


def a_phone(extension: str) -> str:
    return (
        f"[{extension}]\ntype = endpoint\ncontext = from-phones\ndisallow = all\nallow = alaw\n"
        f"aors = {extension}\n[{extension}]\ntype = aor\nmax_contacts = 1\n"
    )


def an_asterisk(folder: Path, root: Root, name: str = "cloud") -> Instance:
    return Instance(
        folder,
        name=name,
        pjsip=lambda address: transport(address) + a_phone("201"),
        extensions=DIALPLAN,
        root=root,
        dies_with_parent=True,
    )


@pytest.fixture
def running(tmp_path: Path, asterisk_root: Root) -> Iterator[Instance]:
    """One that has started."""
    instance = an_asterisk(tmp_path, asterisk_root)
    instance.start()
    yield instance
    instance.thaw()
    instance.stop()


def asked(instance: Instance, path: str, *, password: str | None = None) -> int:
    """The status that ARI answers with."""
    found = urlsplit(instance.ari_address())
    connection = http.client.HTTPConnection(found.hostname or "", found.port, timeout=1)
    try:
        connection.request("GET", f"/ari/{path}?api_key={found.username}:{password or found.password}")
        return connection.getresponse().status
    finally:
        connection.close()


def test_ari_answers_whoever_has_the_password_and_nobody_else(running: Instance) -> None:
    assert asked(running, "endpoints/PJSIP/201") == 200
    assert asked(running, "endpoints/PJSIP/201", password="guessed") == 401


def test_it_listens_on_an_address_of_its_own_beside_another_one(
    running: Instance, tmp_path: Path, asterisk_root: Root
) -> None:
    """Any number run at once, with the ordinary ports."""
    other = an_asterisk(tmp_path / "other", asterisk_root, "second")
    other.start()
    try:
        assert other.address != running.address
        assert (asked(running, "asterisk/ping"), asked(other, "asterisk/ping")) == (200, 200)
    finally:
        other.stop()


def test_a_killed_one_comes_back_at_its_address_with_its_recordings(running: Instance) -> None:
    (running.recordings_folder / "kept.alaw").write_bytes(b"\xd5" * 8_000)
    address = running.address
    running.kill()
    with pytest.raises(OSError, match="refused"):
        asked(running, "asterisk/ping")
    running.start()
    assert running.address == address
    assert asked(running, "recordings/stored/kept") == 200


def test_another_object_of_the_same_folder_has_the_same_address_and_password(
    running: Instance, asterisk_root: Root
) -> None:
    """A stack that is started again is still found by the gateway's settings."""
    running.stop()
    again = an_asterisk(running.folder, asterisk_root)
    again.start()
    try:
        assert again.ari_address() == running.ari_address()
        assert asked(running, "asterisk/ping") == 200
    finally:
        again.stop()
        running.start()


def test_a_frozen_one_takes_connections_and_answers_nothing_until_it_thaws(running: Instance) -> None:
    running.freeze()
    with pytest.raises(TimeoutError):
        asked(running, "asterisk/ping")
    running.thaw()
    assert asked(running, "asterisk/ping") == 200


def test_a_phone_that_is_added_to_its_files_is_known_after_a_reload(running: Instance) -> None:
    assert asked(running, "endpoints/PJSIP/202") == 404
    running.reconfigure(pjsip=lambda address: transport(address) + a_phone("201") + a_phone("202"))
    assert asked(running, "endpoints/PJSIP/202") == 200


def test_a_plan_that_an_operator_includes_makes_its_phones_and_its_dialplan(
    tmp_path: Path, asterisk_root: Root
) -> None:
    phones = (PlannedPhone(extension="201", password="of-201"),)
    plan = PbxPlan(pbx_id=PbxId("cloud"), phones=phones, department_extensions=("300",))
    instance = Instance.of_plan(tmp_path, plan, root=asterisk_root, dies_with_parent=True)
    instance.start()
    try:
        assert asked(instance, "endpoints/PJSIP/201") == 200
        assert instance.cli("dialplan", "show", "300@from-phones").count("'300' =>") == 1
        with_two = msgspec.structs.replace(
            plan, phones=(*phones, PlannedPhone(extension="202", password="x"))
        )
        instance.reconfigure(**texts(with_two))
        assert asked(instance, "endpoints/PJSIP/202") == 200
    finally:
        instance.stop()


def test_its_console_answers_also_in_a_folder_with_a_long_name(tmp_path: Path, asterisk_root: Root) -> None:
    """A socket's path has 107 bytes at most, and a checkout may lie deep."""
    instance = an_asterisk(tmp_path / ("deep" * 30), asterisk_root)
    instance.start()
    try:
        assert instance.root.version.rpartition(":")[2] in instance.cli("core", "show", "version")
    finally:
        instance.stop()


def test_its_passwords_are_its_owners_alone(running: Instance) -> None:
    for name in ("etc/ari.conf", "etc/pjsip.conf", "identity.json"):
        assert (running.folder / name).stat().st_mode & 0o077 == 0
