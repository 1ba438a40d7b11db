"""docs/asterisk.md as an operator follows it: the files that it shows, on a real Asterisk."""

import asyncio
import grp
import json
import os
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.ids import PbxId
from ringback import export
from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from ringback.stack.asterisk.instance import Options
from ringback.stack.services import ROOT
from runtime import private_files
from services.gateway.asterisk import requirements
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.client import AriClient
from tests.integration.asterisk.exchange import NETWORK, PHONES, network_pjsip, originate, phones_pjsip, until
from tests.integration.directory.companies import KEY, Company, sqlite

pytestmark = pytest.mark.timeout(240)

PASSWORD = "a-long-password-of-your-own"
PAGE = ROOT / "docs/asterisk.md"
PBX, TRUNK, OTHER_PBX = "10.0.0.5", "203.0.113.10", "10.0.0.6"
BLOCK = re.compile(r"^```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def shown_file(path: str) -> str:
    """The file that the page shows under its name."""
    (found,) = [each for each in blocks() if each.partition("\n")[0].lstrip("#; ").startswith(path)]
    return found


def shown_command(words: str) -> list[str]:
    """The first command of the page with these words, as a shell reads it."""
    lines = "\n".join(blocks()).replace("\\\n", " ").splitlines()
    return shlex.split(next(line for line in lines if line.startswith(words)))


class AsShown(Instance):
    """An Asterisk whose configuration is the page's, wherever it shows one."""

    def _lay_out(self) -> None:
        self._password = PASSWORD
        super()._lay_out()
        etc = self.folder / "etc"
        for name in ("modules", "rtp", "musiconhold", "http", "ari", "pjsip", "extensions"):
            text = shown_file(f"/etc/asterisk/{name}.conf").replace(PBX, self.address)
            private_files.write(etc / f"{name}.conf", text)
        # Of the package's own file only the name is the operator's.
        places, _, _ = (etc / "asterisk.conf").read_text().partition("[options]")
        private_files.write(etc / "asterisk.conf", places + shown_file("/etc/asterisk/asterisk.conf"))


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    made = await Company(sqlite(tmp_path)).open()
    yield made
    await made.close()


async def exported(tmp_path: Path, pbx: Instance, trunk: Instance) -> int:
    """The page's export, into this Asterisk's folder."""
    chosen = shown_file("/etc/ringback/moskva.yaml").replace(TRUNK, trunk.address)
    settings = tmp_path / "moskva.yaml"
    private_files.write(settings, chosen.replace(OTHER_PBX, "127.0.0.1"))
    _, _, _, _, *words = shown_command("python -m ringback export pjsip")
    for option, here in (
        ("--folder", str(pbx.folder / "etc/exported")),
        ("--settings", str(settings)),
        ("--group", grp.getgrgid(os.getgid()).gr_name),
    ):
        words[words.index(option) + 1] = here
    return await asyncio.to_thread(export.main, words)


async def test_the_shown_files_make_a_pbx_that_the_gateway_accepts(
    company: Company, tmp_path: Path, asterisk_root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No warning at start; a phone registers; ARI answers at the shown address; a call comes in."""
    await company.made(
        "/pbxs", {"id": "volga", "name": "Волга", "kind": "cloud", "numbers": ["+78310002000"]}
    )
    await company.made("/departments", {"name": "Продажи", "pbx_id": "moskva", "extension": "300"})
    ivan = await company.employee("Иванов Иван")
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", sqlite(tmp_path))
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", KEY)
    options: Options = {"root": asterisk_root, "dies_with_parent": True}
    pbx = AsShown(tmp_path / "pbx", name="moskva", pjsip=transport, extensions="", **options)
    trunk = Instance(
        tmp_path / "trunk",
        name="trunk",
        pjsip=lambda address: network_pjsip(address, pbx.address),
        extensions=NETWORK,
        **options,
    )
    passwords = {ivan["card"]["extension"]: ivan["phone_password"]}
    phone = Instance(
        tmp_path / "phone",
        name="phone",
        pjsip=lambda address: phones_pjsip(address, pbx.address, passwords),
        extensions=PHONES,
        **options,
    )
    assert await exported(tmp_path, pbx, trunk) == 0
    try:
        for each in (pbx, trunk, phone):
            each.start()
        log = (pbx.folder / "log/messages").read_text()
        assert not re.findall("^.*(?:WARNING|ERROR).*$", log, re.MULTILINE)
        shown = json.loads(shown_command("export RINGBACK_PBXS=")[1].partition("=")[2])
        assert await _offered(shown["vostok/moskva"].replace(PBX, pbx.address), trunk) == (
            "arrived",
            "+74950001000",
        )
        await asyncio.to_thread(
            until, lambda: "Registered" in phone.cli("pjsip", "show", "registrations"), "a registered phone"
        )
    finally:
        for each in (phone, trunk, pbx):
            each.stop()


async def _offered(address: str, trunk: Instance) -> tuple[str, ...]:
    """What the gateway, which accepts this Asterisk, is told of a call from outside."""
    told: asyncio.Queue[AriEvent] = asyncio.Queue()
    read = read_address(PbxId("moskva"), address)
    client = AriClient(read.url, read.app, told.put_nowait)
    await client.connect()
    try:
        assert requirements.is_new_enough(await requirements.check(client, read))
        await asyncio.to_thread(originate, trunk, "PJSIP/+74950001000@pbx", "1000")
        async with asyncio.timeout(30):
            while (event := await told.get()).type != "StasisStart":
                pass
    finally:
        await client.close()
    assert event.channel is not None
    assert event.channel.id.startswith("moskva-")
    return event.args[:2]
