"""People with second factors: their authenticator app, and what they do at the API."""

from typing import Any

import pyotp

from services.directory.activities.second_factor import STEP_S
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company

Headers = dict[str, str]
Answer = tuple[int, dict[str, Any]]


def bearer(token: str | None) -> Headers:
    """The header of a token that came in an answer."""
    assert token
    return {"Authorization": f"Bearer {token}"}


class Device:
    """An authenticator app with one secret, which waits for the next code where one was used."""

    def __init__(self, company: Company, secret: str) -> None:
        self._company = company
        self._totp = pyotp.TOTP(secret)

    def shown(self) -> str:
        """The code of this moment, used or not."""
        return self._totp.at(self._company.clock.now() // 1000)

    def next(self) -> str:
        """A code that nobody has used."""
        self._company.clock.advance(STEP_S)
        return self.shown()


async def opened(company: Company, login: str, password: str = PASSWORD, *, device: str = "") -> Answer:
    """What comes for a password, on a device that has signed in before or on another one."""
    body = {"organization": ORGANIZATION, "login": login, "password": password, "device": device}
    answer = await company.http.post("/sessions", json=body)
    return answer.status_code, answer.json()


async def stepped(company: Company, token: str, code: str, device: str = "") -> Answer:
    """What comes for a code, on a device that has signed in before or on another one."""
    body = {"code": code, "device": device}
    answer = await company.http.post("/sessions/second-factor", json=body, headers=bearer(token))
    return answer.status_code, answer.json()


async def set_up(company: Company, headers: Headers) -> tuple[Device, dict[str, Any]]:
    """A second factor set up by whoever has these headers, and the answer to its confirmation."""
    begun = await company.call("POST", "/me/second-factor", headers=headers)
    assert begun.status_code == 201, begun.text
    device = Device(company, begun.json()["secret"])
    confirmed = await company.call("PUT", "/me/second-factor", {"code": device.shown()}, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return device, confirmed.json()


async def entered(company: Company, login: str, code: str, password: str = PASSWORD) -> Headers:
    """The headers of a login with both factors."""
    _, first = await opened(company, login, password)
    status, second = await stepped(company, first["second_factor"], code)
    assert status == 201, second
    return bearer(second["access"])


async def requires(company: Company, *, is_required: bool = True) -> None:
    """The organization requires second factors from now on, or no longer."""
    answer = await company.changed("/organization", requires_second_factor=is_required)
    assert answer.status_code == 200, answer.text
