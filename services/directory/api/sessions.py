"""Routes of logins, forgotten passwords, and the principal's own data."""

from typing import Annotated, Any

from litestar import Controller, Request
from litestar.params import HeaderParameter, JSONBody
from msgspec import Meta, Struct

from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from runtime.tokens import Claims, TokenUse
from services.directory.activities.authentication import BEARER
from services.directory.api.limits import let_in
from services.directory.api.methods import delete, get, post, put
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    PathId,
    client_address,
    client_of,
    require,
)
from services.directory.state.limits import CODE_PATTERN, Number, Password
from services.directory.state.responses import Me, Opened, SessionsListed

Typed = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE_PATTERN)]
Authorization = Annotated[
    str | None, HeaderParameter(name="Authorization", description="Bearer and the token", max_length=2_100)
]


Device = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=LINE_PATTERN,
        description="`device` of this login's last answer on this device",
    ),
]


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logs in, by which password, and on which device that has signed in before."""

    organization: Typed
    login: Typed
    password: Typed
    device: Device = ""


class Renewal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token that came last."""

    refresh: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=LINE_PATTERN)]


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password until now, and the one of one's own choice."""

    old: Typed
    new: Password
    device: Device = ""


class SessionRoutes(Controller):
    """Logins: the routes that begin one need no token."""

    path = "/sessions"
    tags = ("sessions",)

    @post()
    async def open(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Login]
    ) -> Opened:
        """Log in. With a one-time password only a token for choosing another comes (PUT /me/password)."""
        return await operations.sessions.open(
            data.organization, data.login, data.password, client_of(request, data.device)
        )

    @post("/renewal", status_code=200)
    async def renew(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Renewal]
    ) -> Opened:
        """New tokens for a refresh token: for half a minute the same ones, then a used one ends the login."""
        claims = operations.authentication.claims(f"{BEARER}{data.refresh}", TokenUse.REFRESH)
        await let_in(request, claims)
        return await operations.sessions.renew(claims, client_of(request))

    @delete("/current")
    async def close(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> None:
        """Log out: refresh and access token end."""
        claims = operations.authentication.claims(authorization, TokenUse.ACCESS, TokenUse.REFRESH)
        await let_in(request, claims)
        await operations.sessions.close(claims)

    @get()
    async def listed(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> SessionsListed:
        """One's own open logins."""
        return await operations.login_list.own(await _own(request, operations, authorization))

    @delete("/others")
    async def end_others(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> None:
        """End one's own logins, but not this one."""
        claims = await _own(request, operations, authorization)
        await operations.login_list.end_others(claims, client_address(request))

    @delete("/{session_id:str}")
    async def end(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        session_id: PathId,
        authorization: Authorization = None,
    ) -> None:
        """End one of one's own logins."""
        claims = await _own(request, operations, authorization)
        await operations.login_list.end_own(claims, session_id, client_address(request))


async def _own(
    request: Request[Any, Any, Any], operations: GivenOperations, authorization: str | None
) -> Claims:
    await let_in(request, operations.authentication.claims(authorization, TokenUse.ACCESS))
    return await operations.authentication.open_claims(authorization, TokenUse.ACCESS)


class EmployeeSessionRoutes(Controller):
    """Logins of other employees, for whoever may replace their passwords."""

    path = "/employees/{agent_id:str}/sessions"
    tags = ("employees",)

    @get()
    async def listed(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> SessionsListed:
        """An employee's open logins."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/sessions")
        return await operations.login_list.of(principal, agent_id)

    @delete()
    async def end_all(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> None:
        """End every login of an employee."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/sessions")
        await operations.login_list.end(principal, agent_id, None)

    @delete("/{session_id:str}")
    async def end(
        self,
        operations: GivenOperations,
        principal: CurrentPrincipal,
        agent_id: PathId,
        session_id: PathId,
    ) -> None:
        """End one login of an employee."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/sessions")
        await operations.login_list.end(principal, agent_id, session_id)


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
        await operations.password_recovery.ask(data.organization, data.mobile, client_address(request))

    @put(status_code=204)
    async def reset(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Recovered]
    ) -> None:
        """Set another password by a code; every login ends."""
        await operations.password_recovery.reset(
            data.organization, data.mobile, data.code, data.new, client_address(request)
        )


class MeRoutes(Controller):
    """The principal."""

    path = "/me"
    tags = ("me",)

    @get()
    async def read(self, operations: GivenOperations, principal: CurrentPrincipal) -> Me:
        """The principal, its rights, and what a person may know of the own card and the company's."""
        person = principal.person
        called = await operations.authentication.called(principal)
        reached = {action: principal.reach(action) for action in Action}
        given = {str(action): str(reach) for action, reach in reached.items() if reach is not None}
        return Me(
            organization_id=principal.organization_id,
            agent_id=principal.agent_id,
            token_id=principal.token_id,
            role=None if person is None else str(person.role),
            departments=tuple(sorted(principal.holder.departments)),
            rights=given,
            name=called.name,
            login=called.login,
            organization_name=called.organization_name,
            timezone=called.timezone,
            service_level=called.service_level,
        )

    @put("/password")
    async def password(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        data: JSONBody[OwnPassword],
        authorization: Authorization = None,
    ) -> Opened:
        """Choose a password; every other login ends."""
        uses = (TokenUse.ACCESS, TokenUse.PASSWORD)
        await let_in(request, operations.authentication.claims(authorization, *uses))
        claims = await operations.authentication.open_claims(authorization, *uses)
        return await operations.sessions.choose_password(
            claims, data.old, data.new, client_of(request, data.device)
        )
