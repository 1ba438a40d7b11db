"""Routes of logins, forgotten passwords, and the principal's own data."""

from typing import Annotated, Any

from litestar import Controller, Request
from litestar.params import HeaderParameter, JSONBody
from msgspec import Meta, Struct

from contracts import rights
from contracts.rights import Action
from runtime.tokens import TokenUse
from services.directory.activities.authentication import BEARER
from services.directory.api.methods import delete, get, post, put
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
)
from services.directory.state.limits import CODE_PATTERN, Number, Password
from services.directory.state.responses import Me, Opened

Typed = Annotated[str, Meta(min_length=1, max_length=200)]
Authorization = Annotated[
    str | None, HeaderParameter(name="Authorization", description="Bearer and the token", max_length=2_100)
]


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logs in, and by which password."""

    organization: Typed
    login: Typed
    password: Typed


class Renewal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token that came last."""

    refresh: Annotated[str, Meta(min_length=1, max_length=2_000)]


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password until now, and the one of one's own choice."""

    old: Typed
    new: Password


class SessionRoutes(Controller):
    """Logins: these routes need no token."""

    path = "/sessions"
    tags = ("sessions",)

    @post()
    async def open(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Login]
    ) -> Opened:
        """Log in. With a one-time password only a token for choosing another comes (PUT /me/password)."""
        return await operations.sessions.open(data.organization, data.login, data.password, _address(request))

    @post("/renewal", status_code=200)
    async def renew(self, operations: GivenOperations, data: JSONBody[Renewal]) -> Opened:
        """New tokens for a refresh token, which is valid once."""
        claims = operations.authentication.claims(f"{BEARER}{data.refresh}", TokenUse.REFRESH)
        return await operations.sessions.renew(claims, data.refresh)

    @delete("/current")
    async def close(self, operations: GivenOperations, authorization: Authorization = None) -> None:
        """Log out: refresh and access token end."""
        claims = operations.authentication.claims(authorization, TokenUse.ACCESS, TokenUse.REFRESH)
        await operations.sessions.close(claims)


class Forgotten(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose password is forgotten, by the own mobile."""

    organization: Typed
    mobile: Number


class Recovered(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that came, and a password of one's own choice."""

    organization: Typed
    mobile: Number
    code: Annotated[str, Meta(pattern=CODE_PATTERN)]
    new: Password


class RecoveryRoutes(Controller):
    """Forgotten passwords: these routes need no token, and do not tell which numbers are known (E7)."""

    path = "/recovery"
    tags = ("sessions",)

    @post(status_code=204)
    async def ask(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Forgotten]
    ) -> None:
        """Send a one-time code to an employee's mobile; the answer is the same for an unknown number."""
        await operations.password_recovery.ask(data.organization, data.mobile, _address(request))

    @put(status_code=204)
    async def reset(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Recovered]
    ) -> None:
        """Set another password by a code; every login ends."""
        await operations.password_recovery.reset(
            data.organization, data.mobile, data.code, data.new, _address(request)
        )


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client is not None else ""


class MeRoutes(Controller):
    """The principal."""

    path = "/me"
    tags = ("me",)

    @get()
    async def read(self, principal: CurrentPrincipal) -> Me:
        """The principal, and its rights."""
        person = principal.person
        if person is None:
            given = {str(action): str(rights.Reach.ORGANIZATION) for action in sorted(principal.actions)}
        else:
            reached = {action: rights.reach(person, action) for action in Action}
            given = {str(action): str(reach) for action, reach in reached.items() if reach is not None}
        return Me(
            organization_id=principal.organization_id,
            agent_id=principal.agent_id,
            token_id=principal.token_id,
            role=None if person is None else str(person.role),
            departments=() if person is None else tuple(sorted(person.departments)),
            rights=given,
        )

    @put("/password")
    async def password(
        self, operations: GivenOperations, data: JSONBody[OwnPassword], authorization: Authorization = None
    ) -> Opened:
        """Choose a password; every other login ends."""
        claims = await operations.authentication.open_claims(
            authorization, TokenUse.ACCESS, TokenUse.PASSWORD
        )
        return await operations.sessions.choose_password(claims, data.old, data.new)
