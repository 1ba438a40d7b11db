"""A real phone registers with its generated password, and no longer when the office says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback.stack.asterisk import Instance, Root
from ringback.stack.asterisk.configuration import transport
from ringback.stack.asterisk.instance import free_address
from tests.integration.asterisk.exchange import PHONES, phones_pjsip, until
from tests.integration.directory.companies import ORGANIZATION, Company, sqlite
from tests.integration.directory.exporting import Exporting, beside, said

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    made = await Company(sqlite(tmp_path)).open()
    yield made
    await made.close()


@pytest.fixture
def exporting(tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    return beside(tmp_path, monkeypatch)


@pytest.fixture
def pbx(tmp_path: Path, exporting: Exporting, asterisk_root: Root) -> Iterator[Instance]:
    """An Asterisk whose operator includes the exported files."""

    def pjsip(address: str) -> str:
        return f"{transport(address)}#include {exporting.folder}/ringback-pjsip.conf\n"

    made = Instance(
        tmp_path / "asterisk",
        name="moskva",
        pjsip=pjsip,
        extensions=f"[general]\n#include {exporting.folder}/ringback-extensions.conf\n",
        root=asterisk_root,
        dies_with_parent=True,
    )
    yield made
    made.stop()


@pytest.fixture
def phone(tmp_path: Path, pbx: Instance, asterisk_root: Root) -> Iterator["Phone"]:
    made = Phone(tmp_path / "phone", pbx.address, asterisk_root)
    yield made
    made.asterisk.stop()


class Phone:
    """A phone that its owner can type another password into."""

    def __init__(self, folder: Path, pbx_address: str, root: Root) -> None:
        self._pbx_address = pbx_address
        self.asterisk = Instance(
            folder,
            name="phone",
            pjsip=transport,
            extensions=PHONES,
            root=root,
            address=free_address(),
            dies_with_parent=True,
        )

    def is_set_up(self, extension: str, password: str) -> None:
        """Type the login into the phone, which registers at once."""
        passwords = {extension: password}
        self.asterisk.reconfigure(pjsip=lambda address: phones_pjsip(address, self._pbx_address, passwords))

    async def becomes(self, state: str) -> None:
        """Wait for the phone's registration to be accepted or refused."""

        def is_so() -> bool:
            return state in self.asterisk.cli("pjsip", "show", "registrations")

        await asyncio.to_thread(until, is_so, state)


async def test_a_phone_registers_with_its_generated_password_until_that_is_replaced(
    company: Company, exporting: Exporting, pbx: Instance, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the welcome letter says is all that the phone's owner needs. Asterisk is told by ARI."""
    ivan = await company.employee("Иванов Иван")
    extension = ivan["card"]["extension"]
    await exporting.once()
    pbx.start()
    phone.asterisk.start()
    monkeypatch.setenv("RINGBACK_PBXS", json.dumps({f"{ORGANIZATION}/moskva": pbx.ari_address()}))

    async with exporting.following("--reload", "ari") as output:
        await said(output, "Asterisk reloads")
        phone.is_set_up(extension, ivan["phone_password"])
        await phone.becomes("Registered")

        replaced = await company.call("POST", f"/employees/{ivan['id']}/phone-password")
        await said(output, f"{extension}: another password")
        await said(output, "Asterisk reloads")
        phone.is_set_up(extension, ivan["phone_password"])
        phone.asterisk.cli("pjsip", "send", "register", f"as-{extension}")
        await phone.becomes("Rejected")
        phone.is_set_up(extension, replaced.json()["secret"])
        await phone.becomes("Registered")


async def test_a_newcomer_registers_and_a_removed_employee_does_not(
    company: Company, exporting: Exporting, pbx: Instance, phone: Phone
) -> None:
    """Asterisk is told by the operator's command, as on the machine where it runs."""
    await exporting.once()
    pbx.start()
    phone.asterisk.start()
    words = pbx.root.command(pbx.folder / "etc/asterisk.conf", "-rx", "'core reload'")

    async with exporting.following("--reload", " ".join(words)) as output:
        await said(output, "Asterisk reloads")
        petr = await company.employee("Петров Пётр")
        extension = petr["card"]["extension"]
        await said(output, f"{extension}: new")
        await said(output, "Asterisk reloads")
        phone.is_set_up(extension, petr["phone_password"])
        await phone.becomes("Registered")
        assert f"'{extension}' =>" in pbx.cli("dialplan", "show", f"{extension}@from-phones")

        await _remove(company, petr)
        await said(output, f"{extension}: gone")
        await said(output, "Asterisk reloads")
        phone.asterisk.cli("pjsip", "send", "register", f"as-{extension}")
        await phone.becomes("Rejected")
        assert "There is no existence" in pbx.cli("dialplan", "show", f"{extension}@from-phones")
        assert "Unable to find object" in pbx.cli("pjsip", "show", "endpoint", extension)


async def _remove(company: Company, employee: dict[str, Any]) -> None:
    card = await company.call("GET", f"/employees/{employee['id']}")
    removed = await company.call("DELETE", f"/employees/{employee['id']}", if_match=card.headers["etag"])
    assert removed.status_code in (200, 204), removed.text
