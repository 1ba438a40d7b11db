"""Sign-in by an organization's provider of identities (OpenID Connect: code flow with PKCE; decision 0040).

The directory is the relying party, and stays the only issuer of our tokens. It keeps nothing for people
who have not signed in: whoever sends the browser to the provider keeps state, nonce and verifier until then.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.ports import Clock
from runtime.security_events import Outcome, SecurityEvent
from runtime.tokens import Claims
from services.directory.activities import (
    audit_trail,
    grants,
    open_logins,
    openid_http,
    openid_identities,
    openid_providers,
    openid_roles,
    openid_tokens,
    passwords,
    rate_limits,
    reauthentication,
    stored_cards,
)
from services.directory.activities.audit_trail import AuditTrail, Noted
from services.directory.activities.authentication import Principal
from services.directory.activities.database import Database
from services.directory.activities.open_logins import Client, Method
from services.directory.activities.openid_discovery import Discovery, Metadata
from services.directory.activities.openid_http import ProviderFailed
from services.directory.activities.openid_only import PasswordUse, password_use
from services.directory.activities.openid_providers import Provider
from services.directory.activities.openid_tokens import Identity, Said, SignInRefused, Why
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.sessions import Sessions
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.responses import Authorization, IdentityShown, Opened

SCOPE: Final = "openid"
"""The subject alone: neither names nor addresses are needed."""
RANDOM_BYTES: Final = 32
"""A verifier of 43 characters, the least that RFC 7636 allows; the same for state and nonce."""
_CODES: Final = {Why.NOT_LINKED: Code.IDENTITY_NOT_LINKED, Why.TAKEN: Code.IDENTITY_TAKEN}


class Brought(Struct, frozen=True, kw_only=True):
    """What the browser has brought from the provider, and what was kept meanwhile."""

    code: str
    code_verifier: str
    nonce: str
    redirect_uri: str
    issuer: str | None
    """`iss` of the answer, if it has one (RFC 9207)."""


class OpenId:
    """Sends people to their provider, takes its word for who they are, and links them with employees."""

    def __init__(
        self, repository: Repository, clock: Clock, box: SecretBox, sessions: Sessions, trail: AuditTrail
    ) -> None:
        self._repository = repository
        self._database: Database = repository.database
        self._clock = clock
        self._secret_box = box
        self._sessions = sessions
        self._trail = trail
        self._discovery = Discovery(clock)

    async def authorization(self, organization_id: str, redirect_uri: str, client: Client) -> Authorization:
        """Where a browser is sent. Raises RequestRefused."""
        async with self._telling(organization_id, "", client):
            provider = await self._provider(organization_id, redirect_uri)
            metadata = await self._discovery.metadata(provider.issuer)
        state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
        address = prepare_grant_uri(
            metadata.authorization_endpoint,
            provider.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Authorization(address=address, state=state, nonce=nonce, code_verifier=verifier)

    async def sign_in(
        self, organization_id: str, brought: Brought, client: Client, linking: Claims | None
    ) -> Opened:
        """Tokens for whomever the provider names; `linking`: for the first time. Raises RequestRefused."""
        now_at = self._clock.now()
        tried = self._trail.locking_out(organization_id, client.address)
        async with tried, self._database.begin() as connection:
            await rate_limits.count_address(connection, client.address, now_at)
        actor = "" if linking is None else f"agent/{linking.agent_id}"
        async with self._telling(organization_id, actor, client):
            if linking is not None and linking.organization_id != organization_id:
                raise SignInRefused(Why.LINKING)
            said = await self._said(organization_id, brought)
            identity = said.identity
            async with self._database.begin() as connection:
                provider = await _locked(connection, organization_id, identity)
                if linking is not None:
                    await self._link_first(connection, linking, identity, client)
                agent_id = await openid_identities.agent_of(connection, organization_id, identity)
                if agent_id is None:
                    raise SignInRefused(Why.NOT_LINKED)
                if provider.role_mapping is not None:
                    role = provider.role_mapping.role(said.claims)
                    await openid_roles.give(self._repository, connection, organization_id, agent_id, role)
                signed_in = Noted(
                    event=SecurityEvent.OPENID, actor=f"agent/{agent_id}", address=client.address
                )
                await audit_trail.note(connection, organization_id, now_at, signed_in)
                await rate_limits.take_back_address(connection, client.address)
                return await self._sessions.begin(
                    connection, organization_id, agent_id, now_at, method=Method.OPENID, client=client
                )

    async def link(self, claims: Claims, brought: Brought, client: Client) -> IdentityShown:
        """Link whomever the provider names with the employee who is signed in. Raises RequestRefused."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        async with self._telling(organization_id, f"agent/{agent_id}", client):
            # First, since a refusal afterwards would have spent the code.
            async with self._database.begin() as connection:
                await reauthentication.require_recent_login(connection, claims.family, now_at)
            identity = (await self._said(organization_id, brought)).identity
            async with self._database.begin() as connection:
                await _locked(connection, organization_id, identity)
                await reauthentication.require_recent_login(connection, claims.family, now_at)
                shown = await openid_identities.link(connection, organization_id, agent_id, identity, now_at)
                linked = _linked(agent_id, identity, client, is_first=False)
                await audit_trail.note(connection, organization_id, now_at, linked)
        return shown

    async def unlink(self, claims: Claims, client: Client) -> None:
        """End the link of the employee who is signed in. Raises RequestRefused when there is none."""
        organization_id, agent_id = claims.organization_id, str(claims.agent_id)
        now_at = self._clock.now()
        async with self._database.begin() as connection:
            await reauthentication.require_recent_login(connection, claims.family, now_at)
            await _require_unlinked(connection, organization_id, agent_id)
            noted = _unlinked(agent_id, actor=f"agent/{agent_id}", address=client.address)
            await audit_trail.note(connection, organization_id, now_at, noted)

    async def unlink_other(self, principal: Principal, agent_id: str) -> None:
        """End an employee's link and every login. Raises RequestRefused, also for whoever may more (P7)."""
        organization_id = principal.organization_id
        async with self._repository.change(principal) as unit:
            unit.change_secret(agent_id)
            await _require_unlinked(unit.connection, organization_id, agent_id)
            await open_logins.end_all(unit.connection, organization_id, agent_id, unit.now_at)
            unit.note(_unlinked(agent_id, actor="", address=principal.address))

    async def _link_first(
        self, connection: AsyncConnection, linking: Claims, identity: Identity, client: Client
    ) -> None:
        """Link by a one-time password, which is used up by that, as it is by choosing another password."""
        organization_id, agent_id = linking.organization_id, str(linking.agent_id)
        now_at = self._clock.now()
        secret = await passwords.found(connection, organization_id, agent_id)
        use = await password_use(connection, organization_id, agent_id)
        # The administrator whose password stays must have one: that is chosen first.
        if secret is None or not secret[1] or use is PasswordUse.BREAK_GLASS:
            raise SignInRefused(Why.LINKING)
        await openid_identities.link(connection, organization_id, agent_id, identity, now_at)
        await passwords.set_hash(
            connection, organization_id, agent_id, passwords.NEVER_RIGHT, is_one_time=False, now_at=now_at
        )
        linked = _linked(agent_id, identity, client, is_first=True)
        await audit_trail.note(connection, organization_id, now_at, linked)

    async def _provider(self, organization_id: str, redirect_uri: str) -> Provider:
        async with self._database.begin() as connection:
            provider = await openid_providers.found(connection, organization_id)
            if provider is None:
                raise RequestRefused(Problem(code=Code.OPENID_MISSING))
            await grants.require_active(connection, organization_id)
        if redirect_uri not in provider.redirects:
            raise SignInRefused(Why.REDIRECT)
        return provider

    async def _said(self, organization_id: str, brought: Brought) -> Said:
        """Exchange the code, and verify what comes. Raises SignInRefused and ProviderFailed."""
        provider = await self._provider(organization_id, brought.redirect_uri)
        metadata = await self._discovery.metadata(provider.issuer)
        if brought.issuer is None and metadata.names_itself:
            raise SignInRefused(Why.ANOTHER_PROVIDER)
        if brought.issuer not in (None, provider.issuer):
            raise SignInRefused(Why.ANOTHER_PROVIDER)
        async with self._discovery.room(provider.issuer):
            answer = await self._exchanged(provider, metadata, brought)
        access_token = answer.get("access_token")
        return await openid_tokens.verified(
            self._discovery,
            answer.get("id_token"),
            issuer=provider.issuer,
            client_id=provider.client_id,
            nonce=brought.nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            now_at=self._clock.now(),
        )

    async def _exchanged(self, provider: Provider, metadata: Metadata, brought: Brought) -> dict[str, Any]:
        form = prepare_token_request(
            "authorization_code",
            code=brought.code,
            redirect_uri=brought.redirect_uri,
            code_verifier=brought.code_verifier,
        )
        try:
            secret = self._secret_box.open(provider.sealed_client_secret)
        except JoseError as error:
            raise ProviderFailed("none of the directory's keys opens our client secret") from error
        method = "client_secret_post" if metadata.takes_secret_in_form else "client_secret_basic"
        authenticated = ClientAuth(provider.client_id, secret, method)
        address, headers, form = authenticated.prepare("POST", metadata.token_endpoint, {}, form)
        status, answer = await openid_http.posted(address, headers, form)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or answer.get("error") == "invalid_client":
            raise ProviderFailed(f"it answered {status}, or does not take our client secret")
        if status != httpx.codes.OK:
            raise SignInRefused(Why.CODE)
        return answer

    @asynccontextmanager
    async def _telling(self, organization_id: str, actor: str, client: Client) -> AsyncIterator[None]:
        """Tell the trail why somebody is refused, and the person only that."""
        try:
            yield
        except SignInRefused as refused:
            await self._note(organization_id, actor, client, "refused", refused.why)
            raise RequestRefused(Problem(code=_CODES.get(refused.why, Code.OPENID_REFUSED))) from refused
        except ProviderFailed as failed:
            await self._note(organization_id, actor, client, "failed", str(failed))
            raise RequestRefused(Problem(code=Code.OPENID_UNAVAILABLE)) from failed

    async def _note(
        self, organization_id: str, actor: str, client: Client, outcome: Outcome, why: str
    ) -> None:
        noted = Noted(
            event=SecurityEvent.OPENID,
            actor=actor,
            address=client.address,
            outcome=outcome,
            details={"why": why},
        )
        await self._trail.note(organization_id, noted)


async def _locked(connection: AsyncConnection, organization_id: str, identity: Identity) -> Provider:
    """The provider that has named somebody; from here on nothing else changes the organization's people.

    Raises SignInRefused when the operator has named another one since the code was exchanged.
    """
    await stored_cards.lock(connection, organization_id)
    await grants.require_active(connection, organization_id)
    provider = await openid_providers.found(connection, organization_id)
    if provider is None or provider.issuer != identity.issuer:
        raise SignInRefused(Why.ANOTHER_PROVIDER)
    return provider


def _linked(agent_id: str, identity: Identity, client: Client, *, is_first: bool) -> Noted:
    return Noted(
        event=SecurityEvent.IDENTITY_LINKED,
        actor=f"agent/{agent_id}",
        subject=f"agent/{agent_id}",
        address=client.address,
        details={"issuer": identity.issuer, "is_first": is_first},
    )


def _unlinked(agent_id: str, *, actor: str, address: str) -> Noted:
    return Noted(
        event=SecurityEvent.IDENTITY_UNLINKED, actor=actor, subject=f"agent/{agent_id}", address=address
    )


async def _require_unlinked(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    if not await openid_identities.unlink(connection, organization_id, agent_id):
        raise RequestRefused(Problem(code=Code.NOT_FOUND, values={"id": f"{agent_id}/identity"}))
