"""`python -m ringback export pjsip`: what a PBX's operator gets, and what he never gets."""

import grp
import os
from pathlib import Path
from typing import Any

import pytest

from services.directory.activities import organizations, ownership
from tests.integration.directory.companies import ORGANIZATION, Company
from tests.integration.directory.exporting import Exporting, beside, said

TRUNK = """
trunks:
- host: 192.0.2.9
  username: moskva
  password: of;the=trunk
outside:
- pattern: 8NXXXXXXXXX
  strip: 1
  prepend: "+7"
peers:
  volga: 192.0.2.3
fallback:
  extensions: [%s]
"""


@pytest.fixture
def exporting(tmp_path: Path, quick_company: Company, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    return beside(tmp_path, monkeypatch)


def settings(folder: Path, extension: str, *, mode: int = 0o600) -> list[str]:
    file = folder / "moskva.yaml"
    file.write_text(TRUNK % extension)
    file.chmod(mode)
    return ["--settings", str(file)]


async def office(company: Company) -> dict[str, Any]:
    """Two PBXs, an employee on each, a department, and a phone of an office PBX."""
    ivan = await company.employee("Иванов «Иван»")
    for id_, number in (("volga", "+78310002000"), ("sklad", "+78120003000")):
        kind = "cloud" if id_ == "volga" else "office"
        await company.made("/pbxs", {"id": id_, "name": id_, "kind": kind, "numbers": [number]})
    await company.made("/employees", {"name": "Волгин", "pbx_id": "volga", "extension": "205"})
    await company.made("/departments", {"name": "Продажи", "pbx_id": "moskva", "extension": "300"})
    return ivan


async def test_the_files_have_the_office_and_what_the_operator_chose(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    ivan = await office(quick_company)
    extension, password = ivan["card"]["extension"], ivan["phone_password"]
    code, output = await exporting.once(*settings(tmp_path, extension))
    assert code == 0, output
    assert f"\npassword = {password}\n" in exporting.pjsip
    assert f'callerid = "Иванов «Иван»" <{extension}>' in exporting.pjsip
    assert "password = of\\;the=trunk" in exporting.pjsip
    assert "contact = sip:192.0.2.3" in exporting.pjsip
    assert f"exten => {extension},1,Dial(PJSIP/{extension}," in exporting.extensions
    assert "exten => 205,1,Dial(PJSIP/205@volga," in exporting.extensions
    assert "exten => 300,1,Set(RINGBACK_KIND=internal)" in exporting.extensions
    assert "exten => 112,1," in exporting.extensions
    assert "exten => _8NXXXXXXXXX,1," in exporting.extensions
    assert "Set(CALLERID(all)=<+74950001000>)" in exporting.extensions
    assert f"Dial(PJSIP/{extension},30,i)" in exporting.extensions
    assert "[205]" not in exporting.pjsip


async def test_what_is_said_has_no_secret_and_is_said_once(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    ivan = await office(quick_company)
    extension = ivan["card"]["extension"]
    _, output = await exporting.once(*settings(tmp_path, extension))
    assert f"export: {extension}: new" in output
    assert "export: trunk: new" in output
    assert ivan["phone_password"] not in output
    assert "of;the" not in output
    code, output = await exporting.once(*settings(tmp_path, extension))
    assert (code, "nothing has changed" in output) == (0, True)
    replaced = await quick_company.call("POST", f"/employees/{ivan['id']}/phone-password")
    assert replaced.status_code == 200, replaced.text
    _, output = await exporting.once(*settings(tmp_path, extension))
    assert f"export: {extension}: another password" in output
    assert replaced.json()["secret"] in exporting.pjsip
    assert ivan["phone_password"] not in exporting.pjsip


async def test_the_files_are_for_their_owner_and_are_written_only_when_they_change(
    quick_company: Company, exporting: Exporting
) -> None:
    await office(quick_company)
    before = os.umask(0)
    try:
        await exporting.once()
        files = sorted(exporting.folder.iterdir())
        assert [each.name for each in files] == [
            "ringback-extensions.conf",
            "ringback-modules.conf",
            "ringback-pjsip.conf",
        ]
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
        assert exporting.folder.stat().st_mode & 0o777 == 0o700
        written = [each.stat().st_ino for each in files]
        await exporting.once()
        assert [each.stat().st_ino for each in files] == written
        files[2].chmod(0o644)
        await exporting.once()
        assert files[2].stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


async def test_asterisks_group_may_read_them(quick_company: Company, exporting: Exporting) -> None:
    await office(quick_company)
    group = grp.getgrgid(os.getgid()).gr_name
    code, output = await exporting.once("--group", group)
    assert code == 0, output
    assert {each.stat().st_mode & 0o777 for each in exporting.folder.iterdir()} == {0o640}
    code, output = await exporting.once("--group", "nobody-is-in-it")
    assert code == 3
    assert "nobody-is-in-it" in output


async def test_a_removed_employee_is_gone_though_calls_fall_back_to_him(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    ivan = await office(quick_company)
    extension = ivan["card"]["extension"]
    await exporting.once(*settings(tmp_path, extension))
    card = await quick_company.call("GET", f"/employees/{ivan['id']}")
    removed = await quick_company.call("DELETE", f"/employees/{ivan['id']}", if_match=card.headers["etag"])
    assert removed.status_code in (200, 204), removed.text
    code, output = await exporting.once(*settings(tmp_path, extension))
    assert code == 0, output
    assert f"export: {extension}: gone" in output
    assert f"can't fall back to {extension}" in output
    assert f"[{extension}]" not in exporting.pjsip
    assert f"PJSIP/{extension}" not in exporting.extensions


async def test_an_organization_exports_only_what_the_operator_assigned(
    quick_company: Company, exporting: Exporting
) -> None:
    code, output = await exporting.once(pbx="nowhere")
    assert (code, "has no PBX nowhere" in output) == (3, True)
    code, output = await exporting.once(organization="zapad")
    assert (code, "zapad has no PBX moskva" in output) == (3, True)
    assert not exporting.folder.exists()


async def test_phones_of_a_withdrawn_pbx_are_taken_from_it(
    quick_company: Company, exporting: Exporting
) -> None:
    ivan = await office(quick_company)
    await exporting.once()
    repository = quick_company.directory.repository
    await ownership.withdraw(repository, ORGANIZATION, pbxs=["moskva"])
    code, output = await exporting.once()
    assert (code, f"{ivan['card']['extension']}: gone" in output) == (0, True)
    assert ivan["phone_password"] not in exporting.pjsip


async def test_a_suspended_organization_dials_nobody_but_help(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    ivan = await office(quick_company)
    await organizations.suspend(quick_company.directory.repository, ORGANIZATION)
    code, output = await exporting.once(*settings(tmp_path, ivan["card"]["extension"]))
    assert code == 0, output
    assert "_8NXXXXXXXXX" not in exporting.extensions
    assert "Dial(PJSIP/112@trunk," in exporting.extensions


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("trunks: [", ":1"),
        ("trunk: {}", "unknown field `trunk`"),
        ("trunks:\n- host: 'a;b'", "host of trunk trunk can't be 'a;b'"),
        ("peers:\n  moskva: 192.0.2.1", "moskva is no other PBX"),
        ("outside:\n- pattern: 8.", "no trunk"),
    ],
    ids=["yaml", "field", "host", "peer", "trunk"],
)
async def test_a_mistake_in_the_operators_file_is_told_and_writes_nothing(
    quick_company: Company, exporting: Exporting, tmp_path: Path, text: str, cause: str
) -> None:
    await office(quick_company)
    file = tmp_path / "moskva.yaml"
    file.write_text(text)
    code, output = await exporting.once("--settings", str(file))
    assert (code, cause in output) == (3, True), output
    assert not exporting.folder.exists()


async def test_a_password_that_everybody_can_read_is_refused(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    ivan = await office(quick_company)
    code, output = await exporting.once(*settings(tmp_path, ivan["card"]["extension"], mode=0o644))
    assert (code, "everybody can read it" in output) == (3, True)


async def test_another_key_is_told_and_leaves_the_files(
    quick_company: Company, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PBX must not lose its phones because somebody mistyped a setting."""
    await office(quick_company)
    await exporting.once()
    before = exporting.pjsip
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", "x" * 32)
    code, output = await exporting.once()
    assert (code, "RINGBACK_DIRECTORY_KEY" in output) == (3, True)
    assert exporting.pjsip == before


@pytest.mark.parametrize(
    ("how", "pbxs", "cause"),
    [
        ("ari", "{}", "RINGBACK_PBXS has no address of vostok/moskva"),
        ("ari", "[", "RINGBACK_PBXS is no JSON object"),
        (
            "ari",
            '{"vostok/moskva": "tcp://127.0.0.1:1"}',
            "the address of the PBX moskva is not like ari+http",
        ),
        (
            "ari",
            '{"vostok/moskva": "ari+http://a:hidden@127.0.0.1:1/ari"}',
            "ARI at 127.0.0.1 does not answer",
        ),
        ("/nowhere/asterisk -rx 'core reload'", "{}", "does not run"),
        ("'", "{}", "does not run"),
    ],
    ids=["unknown", "json", "simulated", "away", "missing", "quotes"],
)
async def test_a_reload_that_fails_is_told_and_the_files_are_written(
    quick_company: Company,
    exporting: Exporting,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    pbxs: str,
    cause: str,
) -> None:
    await office(quick_company)
    monkeypatch.setenv("RINGBACK_PBXS", pbxs)
    code, output = await exporting.once("--reload", how)
    assert (code, cause in output) == (3, True), output
    assert "hidden" not in output
    assert exporting.pjsip


async def test_the_service_mode_follows_the_office_and_runs_the_command(
    quick_company: Company, exporting: Exporting, tmp_path: Path
) -> None:
    """A reload that failed is tried again, and a service that starts has Asterisk read what is there."""
    ivan = await office(quick_company)
    marks = tmp_path / "marks"
    async with exporting.following("--reload", f"mkdir {marks}") as output:
        await said(output, "Asterisk reloads")
        replaced = await quick_company.call("POST", f"/employees/{ivan['id']}/phone-password")
        await said(output, f"{ivan['card']['extension']}: another password")
        assert replaced.json()["secret"] in exporting.pjsip
        await said(output, "the command to reload ended with 1")
        marks.rmdir()
        await said(output, "Asterisk reloads")
        assert marks.is_dir()


async def test_the_export_stands_in_the_organizations_trail(
    quick_company: Company, exporting: Exporting
) -> None:
    """Whoever can export has every phone's password: the organization sees who did."""
    await office(quick_company)
    await exporting.once()
    answer = await quick_company.call("GET", "/audit")
    assert "export pjsip moskva" in answer.text
