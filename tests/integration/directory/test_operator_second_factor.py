"""`python -m ringback operator reset-administrator`: the way back in for whoever has lost everything."""

import asyncio
import re
from pathlib import Path

import pytest
import structlog

from ringback import operator
from tests.integration.directory.companies import KEY, ORGANIZATION, PASSWORD, Company, sqlite
from tests.integration.directory.second_factors import bearer, opened, set_up


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of a company whose only administrator has a second factor."""
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", sqlite(tmp_path))
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", KEY)

    async def begin() -> None:
        company = await Company(sqlite(tmp_path)).open()
        await set_up(company, company.headers)
        await company.close()

    asyncio.run(begin())
    return tmp_path


def _first_step(folder: Path, one_time: str) -> dict[str, object]:
    """What comes after a one-time password was replaced."""

    async def step() -> dict[str, object]:
        company = Company(sqlite(folder))
        company.directory.background.is_up = True
        _, first = await opened(company, "gusev.r", one_time)
        body = {"old": one_time, "new": f"{PASSWORD} again"}
        chosen = await company.call("PUT", "/me/password", body, headers=bearer(first["password"]))
        await company.close()
        found: dict[str, object] = chosen.json()
        return found

    return asyncio.run(step())


@pytest.mark.parametrize(("option", "asked"), [([], True), (["--second-factor"], False)])
def test_the_second_factor_of_the_last_administrator_goes_only_if_the_operator_says_so(
    lost: Path, capsys: pytest.CaptureFixture[str], option: list[str], asked: bool
) -> None:
    """A forgotten password is no lost phone; whoever has lost both is let in, and the trail tells of it."""
    with structlog.testing.capture_logs() as captured:
        assert operator.main(["reset-administrator", ORGANIZATION, *option]) == 0
    password = re.search(r"one-time password: (\S+)", capsys.readouterr().out)
    assert password is not None
    chosen = _first_step(lost, password[1])
    assert (chosen["second_factor"] is not None) == asked
    assert (chosen["access"] is None) == asked
    changed = [line for line in captured if line["event"] == "secret.changed"]
    assert [line["secret"] for line in changed] == ([] if asked else ["second_factor"])
