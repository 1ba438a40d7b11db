"""Routes of sign-in by the organization's provider of identities."""

from typing import Annotated, Any

from litestar import Controller, Request
from litestar.params import JSONBody
from msgspec import Meta, Struct, field

from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from runtime.tokens import TokenUse
from services.directory.activities.authentication import BEARER
from services.directory.activities.openid import Brought
from services.directory.api.limits import let_in
from services.directory.api.methods import delete, post, put
from services.directory.api.sessions import Authorization as AuthorizationHeader
from services.directory.api.sessions import Device, Typed
from services.directory.api.shared import (
    CurrentPrincipal,
    GivenOperations,
    PathId,
    client_of,
    require,
)
from services.directory.state.responses import Authorization, IdentityShown, Opened

Address = Annotated[str, Meta(min_length=1, max_length=500, pattern=LINE_PATTERN)]
Given = Annotated[str, Meta(min_length=1, max_length=4_000, pattern=LINE_PATTERN)]
"""A provider's code may be a sealed document of its own."""
Random = Annotated[str, Meta(min_length=20, max_length=128, pattern=LINE_PATTERN)]


class Start(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose provider is asked, and where it sends the browser afterwards: where the operator has said."""

    organization: Typed
    redirect_uri: Address


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the browser has brought, beside what was kept since the beginning.

    `iss` is there if the provider's answer had it. The caller has compared `state`.
    """

    code: Given
    code_verifier: Random
    nonce: Random
    redirect_uri: Address
    issuer: Address | None = field(name="iss", default=None)

    def brought(self) -> Brought:
        """The same for the exchange."""
        return Brought(
            code=self.code,
            code_verifier=self.code_verifier,
            nonce=self.nonce,
            redirect_uri=self.redirect_uri,
            issuer=self.issuer,
        )


class SignIn(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for an organization; `linking` is `password` of the answer to a one-time password.

    `device` is what an earlier login on this device has answered.
    """

    organization: Typed
    device: Device = ""
    linking: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=LINE_PATTERN)] | None = None


class OpenIdRoutes(Controller):
    """Sign-in by a provider: these routes need no token."""

    path = "/sessions/openid"
    tags = ("sessions",)

    @post("/authorization", status_code=200)
    async def begin(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[Start]
    ) -> Authorization:
        """Where to send the browser; state, nonce and verifier stay with the caller until it is back."""
        return await operations.openid.authorization(data.organization, data.redirect_uri, client_of(request))

    @post()
    async def open(
        self, request: Request[Any, Any, Any], operations: GivenOperations, data: JSONBody[SignIn]
    ) -> Opened:
        """Log in as whoever is linked with the account; with `linking` the account is linked first."""
        linking = None
        if data.linking is not None:
            linking = operations.authentication.claims(f"{BEARER}{data.linking}", TokenUse.PASSWORD)
            await let_in(request, linking)
        return await operations.openid.sign_in(
            data.organization, data.brought(), client_of(request, data.device), linking
        )


class IdentityRoutes(Controller):
    """Accounts at the provider, linked with employees."""

    path = "/"
    tags = ("sessions",)

    @put("/me/identity")
    async def link(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        data: JSONBody[Answer],
        authorization: AuthorizationHeader = None,
    ) -> IdentityShown:
        """Link an account with oneself, in place of an earlier one."""
        await let_in(request, operations.authentication.claims(authorization, TokenUse.ACCESS))
        claims = await operations.authentication.open_claims(authorization, TokenUse.ACCESS)
        return await operations.openid.link(claims, data.brought(), client_of(request))

    @delete("/me/identity")
    async def unlink(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: AuthorizationHeader = None,
    ) -> None:
        """Unlink one's own account."""
        await let_in(request, operations.authentication.claims(authorization, TokenUse.ACCESS))
        claims = await operations.authentication.open_claims(authorization, TokenUse.ACCESS)
        await operations.openid.unlink(claims, client_of(request))

    @delete("/employees/{agent_id:str}/identity")
    async def unlink_other(
        self, operations: GivenOperations, principal: CurrentPrincipal, agent_id: PathId
    ) -> None:
        """Unlink an employee's account; every login of the employee ends."""
        await require(operations, principal, Action.SECRETS_WRITE, f"employee/{agent_id}/identity")
        await operations.openid.unlink_other(principal, agent_id)
