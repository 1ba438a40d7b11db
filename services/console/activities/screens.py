"""Screens on walls: tokens that see the present and nothing else, and the codes by which screens get them.

A code is typed once. Until then `{<prefix>/console/<digest of the code>}/screen` has the token, sealed by the
code's own text: whoever reads the store opens nothing without it.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from runtime.ports import Clock
from runtime.redis_client import RedisClients
from services.console.activities.api_client import NONE, ApiClient, Route
from services.console.activities.sealing import Seal, digest
from services.console.activities.sessions import answered
from services.console.rules import screen_codes
from services.console.state.tv import Invitation, TokenDraft, TokenListed, TokenShown, TokensListed

LIST: Final = Route("GET", "/tokens", TokensListed, query=("cursor", "limit"))
MAKE: Final = Route("POST", "/tokens", TokenShown, TokenDraft)
REISSUE: Final = Route("POST", "/tokens/{token_id}/reissue", TokenShown)
REVOKE: Final = Route("DELETE", "/tokens/{token_id}", NONE)
ROUTES: Final = (LIST, MAKE, REISSUE, REVOKE)

ACTIONS: Final = ("live.read", "statistics.read")
"""What a screen may do: no customer's number, no name of a caller, no recording, nothing to change."""
CODE_MS_MAX: Final = 24 * 3_600_000
"""A screen may hang in another town, where somebody types the code after lunch."""
TOKENS_AT_ONCE: Final = 200


class Screens:
    """Makes, lists and ends screens with a person's token, and admits a screen by its code.

    Each raises Refused and Unreachable where it calls the directory, StoreUnavailable where it keeps a code.
    """

    def __init__(
        self, directory: ApiClient, redis: RedisClients, keys: Sequence[str], clock: Clock, *, prefix: str
    ) -> None:
        self._directory = directory
        self._redis = redis
        self._keys = keys
        self._clock = clock
        self._prefix = prefix

    async def make(self, organization: str, token: str, address: str, draft: TokenDraft, key: str) -> str:
        """A code for a new screen; a request that is sent again by the same `key` makes one screen."""
        headers = {"Idempotency-Key": key}
        made = await self._directory.call(MAKE, token=token, address=address, body=draft, headers=headers)
        return await self._invite(Invitation(organization=organization, token=made.token))

    async def make_anew(self, organization: str, token: str, address: str, screen_id: str, key: str) -> str:
        """A code for another device; the one before has no access any more."""
        made = await self._directory.call(
            REISSUE,
            token=token,
            address=address,
            path={"token_id": screen_id},
            headers={"Idempotency-Key": key},
        )
        return await self._invite(Invitation(organization=organization, token=made.token))

    async def end(self, token: str, address: str, screen_id: str, version: str) -> None:
        """End a screen's access."""
        await self._directory.call(
            REVOKE,
            token=token,
            address=address,
            path={"token_id": screen_id},
            headers={"If-Match": f'"{version}"'},
        )

    async def listed(self, token: str, address: str) -> tuple[TokenListed, ...]:
        """The tokens that see the present and no more than that, by name."""
        found: list[TokenListed] = []
        query = {"limit": str(TOKENS_AT_ONCE)}
        while True:
            page = await self._directory.call(LIST, token=token, address=address, query=query)
            found += (each for each in page.cards if is_screen(each.card.actions))
            if page.next is None:
                return tuple(sorted(found, key=lambda each: (each.card.name.casefold(), each.id)))
            query["cursor"] = page.next

    async def _invite(self, invitation: Invitation) -> str:
        code = "".join(secrets.choice(screen_codes.ALPHABET) for _ in range(screen_codes.LENGTH))
        sealed = self._seal(code).seal(invitation, self._clock.now() // 1_000)
        await self._ask(code, "set", sealed, px=CODE_MS_MAX)
        return code

    async def admit(self, code: str, organization: str) -> str:
        """The token behind a code, which is worth nothing afterwards; empty: there is none."""
        sealed = await self._ask(code, "get")
        if sealed is None:
            return ""
        now_s, lasts_s = self._clock.now() // 1_000, CODE_MS_MAX // 1_000
        found = self._seal(code).open(sealed.decode(), Invitation, now_s=now_s, lasts_s=lasts_s)
        if found is None or found.organization != organization:
            return ""
        # Of two who type it at once one deletes it.
        return found.token if await self._ask(code, "delete") == 1 else ""

    def _seal(self, code: str) -> Seal:
        return Seal(self._keys, f"screen\x00{code}")

    async def _ask(self, code: str, command: str, *values: Any, **options: Any) -> Any:
        key = f"{{{self._prefix}/console/{digest(code)}}}/screen"

        async def call(redis: Any) -> Any:
            return await getattr(redis, command)(key, *values, **options)

        return await answered(self._redis, key, call)


def is_screen(actions: Sequence[str]) -> bool:
    """Whether a token is a screen's: it sees the present, and beside that the sums of a day at most."""
    return "live.read" in actions and set(actions) <= set(ACTIONS)
