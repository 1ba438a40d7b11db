"""Routes of the second factor and of re-authentication, all of the principal's own."""

from typing import Annotated, Any

from litestar import Controller, Request
from litestar.params import JSONBody
from msgspec import Meta, Struct

from contracts.plain_text import LINE_PATTERN
from runtime.tokens import Claims, TokenUse
from services.directory.api.limits import let_in
from services.directory.api.methods import delete, get, post, put
from services.directory.api.sessions import Authorization, Device, Typed
from services.directory.api.shared import GivenOperations, Operations, client_address, client_of
from services.directory.state.limits import CODE_PATTERN
from services.directory.state.responses import (
    Opened,
    RecoveryCodesShown,
    SecondFactorBegun,
    SecondFactorConfirmed,
    SecondFactorShown,
)

_SETTING_UP = (TokenUse.ACCESS, TokenUse.SECOND_FACTOR_SETUP)
AnyCode = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=40,
        pattern=LINE_PATTERN,
        description="six digits of the authenticator app, or a recovery code",
    ),
]


class CodeGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the authenticator app shows, or a recovery code, and on which device that has signed in before."""

    code: AnyCode
    device: Device = ""


class CodeConfirmed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the authenticator app shows for the secret that was begun."""

    code: Annotated[str, Meta(pattern=CODE_PATTERN)]
    device: Device = ""


class Reauthenticated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password once more; `code`, or a recovery code, if there is a second factor."""

    password: Typed
    code: AnyCode | None = None


class SecondStepRoutes(Controller):
    """The second step of logging in."""

    path = "/sessions/second-factor"
    tags = ("sessions",)

    @post()
    async def open(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        data: JSONBody[CodeGiven],
        authorization: Authorization = None,
    ) -> Opened:
        """Log in by a code, with the token `second_factor` that came for the password."""
        claims = await _claims(request, operations, authorization, TokenUse.SECOND_FACTOR)
        return await operations.own_second_factor.open(claims, data.code, client_of(request, data.device))


class SecondFactorRoutes(Controller):
    """The principal's second factor. Every change needs a login that was authenticated a short while ago."""

    path = "/me/second-factor"
    tags = ("me",)

    @get()
    async def read(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> SecondFactorShown:
        """Whether there is one."""
        claims = await _claims(request, operations, authorization, *_SETTING_UP)
        return await operations.own_second_factor.shown(claims)

    @post()
    async def begin(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> SecondFactorBegun:
        """Begin with a new secret, shown this once; it holds once a code confirms it (PUT)."""
        claims = await _claims(request, operations, authorization, *_SETTING_UP)
        return await operations.own_second_factor.begin(claims)

    @put()
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        data: JSONBody[CodeConfirmed],
        authorization: Authorization = None,
    ) -> SecondFactorConfirmed:
        """Confirm the secret by a code; recovery codes are shown this once, and every other login ends."""
        claims = await _claims(request, operations, authorization, *_SETTING_UP)
        return await operations.own_second_factor.confirm(claims, data.code, client_of(request, data.device))

    @delete()
    async def remove(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> None:
        """Remove it; refused where the organization requires one."""
        claims = await _claims(request, operations, authorization, TokenUse.ACCESS)
        await operations.own_second_factor.remove(claims, client_of(request))

    @post("/recovery-codes")
    async def recovery_codes(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        authorization: Authorization = None,
    ) -> RecoveryCodesShown:
        """Other recovery codes, shown this once; those of before are worth nothing."""
        claims = await _claims(request, operations, authorization, TokenUse.ACCESS)
        return await operations.own_second_factor.renew_recovery_codes(claims, client_of(request))


class ReauthenticationRoutes(Controller):
    """The person behind an open login, once more."""

    path = "/me/reauthentication"
    tags = ("me",)

    @post(status_code=204)
    async def authenticate(
        self,
        request: Request[Any, Any, Any],
        operations: GivenOperations,
        data: JSONBody[Reauthenticated],
        authorization: Authorization = None,
    ) -> None:
        """Give the password, and a code, before a change of how one signs in."""
        claims = await _claims(request, operations, authorization, TokenUse.ACCESS)
        address = client_address(request)
        await operations.reauthentication.authenticate(claims, data.password, data.code, address)


async def _claims(
    request: Request[Any, Any, Any], operations: Operations, authorization: str | None, *uses: TokenUse
) -> Claims:
    await let_in(request, operations.authentication.claims(authorization, *uses))
    return await operations.authentication.open_claims(authorization, *uses)
