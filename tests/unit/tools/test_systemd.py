"""The units in deploy/systemd: systemd takes them, they are locked down, and what they name is there."""

import importlib
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from ringback.stack.services import ROOT, WITH_API, WITHOUT_LOG, startable_names
from runtime import edge_runner, http_server
from runtime.app import GRACE_S_MAX
from runtime.secret_files import SUFFIX
from tests.e2e.closed_stack import block

UNITS: Final = ROOT / "deploy" / "systemd"
PAGE: Final = ROOT / "docs" / "operating" / "systemd.md"
TEMPLATE: Final = UNITS / "ringback@.service"
INSTALLED_AT: Final = "/opt/ringback"
EXPOSURE_MAX: Final = 15
"""Tenths of systemd's points, of 100 at most: «OK». What is left is the network, which services need."""
SERVICES: Final = startable_names()
OF_THE_LOG: Final = ("RINGBACK_KAFKA", "RINGBACK_S3")
OF_THE_PAGE: Final = "# /etc/ringback/ringback.env"


def drop_ins(service: str) -> list[Path]:
    """What one service has beside the template."""
    return sorted((UNITS / f"ringback@{service}.service.d").glob("*.conf"))


def told(service: str, directive: str) -> list[str]:
    """The values of a directive for a service, in order, with systemd's names of the instance filled in.

    An empty one takes away those before it.
    """
    found: list[str] = []
    for file in (TEMPLATE, *drop_ins(service)):
        for line in file.read_text(encoding="utf-8").splitlines():
            name, is_told, value = line.partition("=")
            if is_told and name == directive:
                found = [*found, value.replace("%i", service)] if value else []
    return found


def credentials(service: str) -> dict[str, str]:
    """Where root keeps each secret of a service."""
    pairs = (value.partition(":") for value in told(service, "LoadCredential"))
    return {name: path for name, _, path in pairs}


def settings(service: str) -> dict[str, str]:
    """A service's environment; a file of a credential is named by where root keeps it."""
    found: dict[str, str] = {}
    for value in told(service, "EnvironmentFile"):
        lines = (UNITS / "env" / Path(value).name).read_text(encoding="utf-8").splitlines()
        found |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for value in told(service, "Environment"):
        found |= dict(pair.split("=", 1) for pair in value.split())
    for value in told(service, "UnsetEnvironment"):
        for name in value.split():
            del found[name]
    kept = credentials(service)
    return {
        name: kept[value.removeprefix("%d/")] if value.startswith("%d/") else value
        for name, value in found.items()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's folders after the page's commands, with this tree in the place of the installed one."""
    folder = tmp_path_factory.mktemp("machine")
    (commands,) = [
        each
        for each in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        if each.startswith("install ")
    ]
    there = commands.replace("/etc/", f"{folder}/etc/").replace(INSTALLED_AT, str(ROOT))
    subprocess.run(["bash", "-euo", "pipefail", "-c", there], check=True)
    template = folder / "etc/systemd/system/ringback@.service"
    template.write_text(
        template.read_text(encoding="utf-8").replace(INSTALLED_AT, str(ROOT)), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def installed(root: Path) -> Path:
    """Where the machine's units are."""
    return root / "etc" / "systemd" / "system"


def analyzed(*argv: str) -> tuple[int, str]:
    """What systemd-analyze says; it needs no running systemd for this."""
    said = subprocess.run(["systemd-analyze", *argv], check=False, capture_output=True, text=True)
    return said.returncode, said.stdout + said.stderr


def test_systemd_accepts_the_units_of_every_service(installed: Path) -> None:
    units = [str(installed / f"ringback@{service}.service") for service in SERVICES]
    assert analyzed("verify", "--man=no", *units, str(installed / "ringback.target")) == (0, "")


def test_systemd_says_what_is_wrong_with_a_unit(installed: Path, tmp_path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    spoilt = tmp_path / "spoilt.service"
    template = (installed / TEMPLATE.name).read_text(encoding="utf-8")
    spoilt.write_text(template.replace("KillMode=", "KillMood="), encoding="utf-8")
    _, said = analyzed("verify", "--man=no", str(spoilt))
    assert "KillMood" in said


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_do_little_on_its_machine(service: str, installed: Path) -> None:
    unit = str(installed / f"ringback@{service}.service")
    code, said = analyzed("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}", unit)
    assert code == 0, said


def test_every_file_that_a_unit_reads_at_its_start_is_put_there_by_the_page(root: Path) -> None:
    for service in SERVICES:
        for file in told(service, "EnvironmentFile"):
            assert (root / file.removeprefix("/")).is_file()
    assert (root / "etc/sysusers.d/ringback.conf").is_file()


def test_the_page_says_what_every_secret_is() -> None:
    """In its table, with the services that have it."""
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    said = {(secret, of) for secrets, of in rows for secret in re.findall(r"`([\w-]+)`", secrets)}
    for service in SERVICES:
        for secret in credentials(service):
            of = [words for name, words in said if name == secret]
            all_words = ("all", *(() if service in WITHOUT_LOG else ("all but the console",)))
            assert any(words in all_words or service in words.split(", ") for words in of), (service, secret)


def test_the_target_starts_every_service_once() -> None:
    wanted = re.findall(r"ringback@(\w+)\.service", (UNITS / "ringback.target").read_text(encoding="utf-8"))
    assert sorted(wanted) == sorted(SERVICES)


def test_there_is_nothing_for_a_service_that_does_not_exist() -> None:
    folders = {path.name.removeprefix("ringback@").removesuffix(".service.d") for path in UNITS.glob("*.d")}
    files = {path.stem for path in (UNITS / "env").glob("*.env")} - {"ringback"}
    assert folders | files <= set(SERVICES)
    assert files == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_in_a_unit_is_one_of_the_service(service: str) -> None:
    """Pydantic ignores a name that it does not know: a typing error would do nothing, without a word."""
    known = importlib.import_module(f"services.{service}.settings").Settings.model_fields
    # What is the same for all services may be of no use to one.
    everybody = (UNITS / "env" / "ringback.env").read_text(encoding="utf-8")
    for name in settings(service):
        if not name.startswith("RINGBACK_") or f"\n{name}=" in everybody:
            continue
        assert name.removeprefix("RINGBACK_").removesuffix(SUFFIX).lower() in known, name


@pytest.mark.parametrize("service", SERVICES)
def test_every_secret_that_a_service_gets_is_used_and_belongs_to_it_alone(service: str) -> None:
    unset = {name for value in told(service, "UnsetEnvironment") for name in value.split()}
    raw = [pair for value in told(service, "Environment") for pair in value.split()]
    used = {
        pair.partition("=%d/")[2] for pair in raw if "=%d/" in pair and pair.partition("=")[0] not in unset
    }
    assert used == set(credentials(service))
    for name, path in credentials(service).items():
        assert path == f"/etc/ringback/secrets/{service}/{name}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_what_closes_its_wires(service: str) -> None:
    """docs/operating.md, «Closing every wire», gives these settings, and the end-to-end tests prove them."""
    shown = subprocess.run(
        ["bash", "-euc", f"set -a\n{block(OF_THE_PAGE)}\nenv"],
        env={"SERVICE": service, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.partition("=") for line in shown.stdout.splitlines() if line.startswith("RINGBACK_"))
    of_the_page = {name: value for name, _, value in pairs}
    if service in WITHOUT_LOG:
        of_the_page = {name: each for name, each in of_the_page.items() if not name.startswith(OF_THE_LOG)}
    of_the_unit = settings(service)
    assert {name: of_the_unit.get(name) for name in of_the_page} == of_the_page


def test_no_two_services_of_a_machine_listen_at_one_port() -> None:
    ports = [settings(service)["RINGBACK_INTERNAL_PORT"] for service in SERVICES]
    ports += [settings(service)["RINGBACK_HTTP_PORT"] for service in (*WITH_API, *WITHOUT_LOG)]
    assert len(set(ports)) == len(ports)


def test_the_gateways_spool_is_where_voicemail_is_told() -> None:
    gateway = settings("gateway")
    assert gateway["RINGBACK_SPOOL_URL"].endswith(f":{gateway['RINGBACK_INTERNAL_PORT']}")


def test_a_service_that_is_stopped_has_the_time_that_it_may_take() -> None:
    """Open requests, then handlers, then the host's batch, each with a limit of its own."""
    longest = http_server.GRACE_S_MAX + edge_runner.STOP_S_MAX + GRACE_S_MAX
    (given,) = told("queue", "TimeoutStopSec")
    assert float(given.removesuffix("s")) > longest
