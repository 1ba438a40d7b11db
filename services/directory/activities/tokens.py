"""Tokens that administrators create for programs, and their revocation."""

from msgspec import structs
from sqlalchemy import select

from services.directory.activities import card_saving, program_tokens
from services.directory.activities.authentication import Principal
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import token
from services.directory.activities.tables import CARDS
from services.directory.activities.unit_of_work import in_force
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state import limits
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind
from services.directory.state.responses import TokenShown


class Tokens:
    """Creates and revokes tokens; the caller has checked the rights."""

    def __init__(self, repository: Repository, token_key: str) -> None:
        self._repository = repository
        self._token_key = token_key

    async def create(self, request: KeyedRequest, card: TokenCard) -> TokenShown:
        """A new token, shown this once; the database keeps its digest. Raises RequestRefused."""
        async with self._repository.change(request.organization_id, request.who) as unit:
            earlier = await self._repository.earlier(unit, request, TokenShown)
            if earlier is not None:
                return earlier
            listed = select(CARDS.c.id).where(in_force(unit.organization_id, Kind.TOKEN))
            if len((await unit.connection.execute(listed)).all()) >= limits.TOKENS_MAX:
                raise RequestRefused(Problem(code=Code.TOO_MANY, values={"limit": str(limits.TOKENS_MAX)}))
            token_id = token()
            signed, row = await program_tokens.issue(unit, self._token_key, token_id, card)
            answer = TokenShown(id=token_id, version=row.version, token=signed)
            await self._repository.keep(unit, request, answer)
        return answer

    async def revoke(self, principal: Principal, token_id: str, version: int) -> None:
        """End a token: here at once, in other services as soon as they hear the fact."""
        async with self._repository.change(principal.organization_id, principal.name) as unit:
            await unit.fetch(Kind.TOKEN, [token_id])
            row = unit.current(Kind.TOKEN, token_id)
            card_saving.require_version(row, version)
            unit.remove(Kind.TOKEN, token_id)
            assert isinstance(row.card, TokenCard)
            fact = structs.replace(program_tokens.token_saved(token_id, row.card), is_revoked=True)
            await unit.say_single(fact)
            await program_tokens.forget(unit, token_id)
