"""The directory's API as the console uses it."""

from typing import Final

from services.console.activities.api_client import NONE, ApiClient, Route
from services.console.state.answers import (
    Authorization,
    CodeGiven,
    Forgotten,
    Login,
    Me,
    Opened,
    OpenIdSignIn,
    OpenIdStart,
    OwnPassword,
    Recovered,
    Renewal,
    SecondFactorBegun,
    SecondFactorConfirmed,
)

SIGN_IN: Final = Route("POST", "/sessions", Opened, Login)
RENEW: Final = Route("POST", "/sessions/renewal", Opened, Renewal)
SIGN_OUT: Final = Route("DELETE", "/sessions/current", NONE)
CHOOSE_PASSWORD: Final = Route("PUT", "/me/password", Opened, OwnPassword)
GIVE_CODE: Final = Route("POST", "/sessions/second-factor", Opened, CodeGiven)
BEGIN_SETUP: Final = Route("POST", "/me/second-factor", SecondFactorBegun)
CONFIRM_SETUP: Final = Route("PUT", "/me/second-factor", SecondFactorConfirmed, CodeGiven)
ASK_RECOVERY: Final = Route("POST", "/recovery", NONE, Forgotten)
RECOVER: Final = Route("PUT", "/recovery", NONE, Recovered)
OPENID_START: Final = Route("POST", "/sessions/openid/authorization", Authorization, OpenIdStart)
OPENID_SIGN_IN: Final = Route("POST", "/sessions/openid", Opened, OpenIdSignIn)
ME: Final = Route("GET", "/me", Me)

ROUTES: Final = (
    SIGN_IN,
    RENEW,
    SIGN_OUT,
    CHOOSE_PASSWORD,
    GIVE_CODE,
    BEGIN_SETUP,
    CONFIRM_SETUP,
    ASK_RECOVERY,
    RECOVER,
    OPENID_START,
    OPENID_SIGN_IN,
    ME,
)


class Directory:
    """Calls of the directory. Each raises Refused and Unreachable; `address` is the person's own."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client

    async def sign_in(self, login: Login, address: str, user_agent: str) -> Opened:
        """A login by password."""
        return await self.client.call(SIGN_IN, body=login, address=address, user_agent=user_agent)

    async def renew(self, refresh: str, address: str) -> Opened:
        """New tokens for a refresh token."""
        return await self.client.call(RENEW, body=Renewal(refresh=refresh), address=address)

    async def sign_out(self, refresh: str, address: str) -> None:
        """End a login."""
        await self.client.call(SIGN_OUT, token=refresh, address=address)

    async def choose_password(
        self, token: str, password: OwnPassword, address: str, user_agent: str
    ) -> Opened:
        """Replace a one-time password."""
        return await self.client.call(
            CHOOSE_PASSWORD, token=token, body=password, address=address, user_agent=user_agent
        )

    async def give_code(self, token: str, given: CodeGiven, address: str, user_agent: str) -> Opened:
        """Give the code of a second factor."""
        return await self.client.call(
            GIVE_CODE, token=token, body=given, address=address, user_agent=user_agent
        )

    async def begin_setup(self, token: str, address: str) -> SecondFactorBegun:
        """A new second factor's secret."""
        return await self.client.call(BEGIN_SETUP, token=token, address=address)

    async def confirm_setup(
        self, token: str, given: CodeGiven, address: str, user_agent: str
    ) -> SecondFactorConfirmed:
        """Confirm it by a code."""
        return await self.client.call(
            CONFIRM_SETUP, token=token, body=given, address=address, user_agent=user_agent
        )

    async def ask_recovery(self, forgotten: Forgotten, address: str) -> None:
        """Have a one-time code sent to an employee's mobile."""
        await self.client.call(ASK_RECOVERY, body=forgotten, address=address)

    async def recover(self, recovered: Recovered, address: str) -> None:
        """Set another password by that code."""
        await self.client.call(RECOVER, body=recovered, address=address)

    async def openid_start(self, start: OpenIdStart, address: str) -> Authorization:
        """Where the organization's provider is asked."""
        return await self.client.call(OPENID_START, body=start, address=address)

    async def openid_sign_in(self, sign_in: OpenIdSignIn, address: str, user_agent: str) -> Opened:
        """A login by what the browser has brought from there."""
        return await self.client.call(OPENID_SIGN_IN, body=sign_in, address=address, user_agent=user_agent)

    async def me(self, token: str, address: str) -> Me:
        """Who has signed in."""
        return await self.client.call(ME, token=token, address=address)
