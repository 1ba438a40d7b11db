"""Tokens that administrators create for programs, make anew, and revoke."""

from collections.abc import Sequence

from msgspec import structs
from sqlalchemy import select

from contracts.ids import Instant
from contracts.rights import LIMITABLE
from runtime.token_keys import KeyHolder, SigningKeys
from services.directory.activities import card_saving, program_tokens
from services.directory.activities.authentication import Principal
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import token
from services.directory.activities.stored_cards import in_force
from services.directory.activities.tables import CARDS, PROGRAMS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import employees
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state import limits
from services.directory.state.cards import TokenCard
from services.directory.state.office import Kind
from services.directory.state.responses import TokenShown, TokenUsed


class Tokens:
    """Creates and revokes tokens; the caller has checked the rights."""

    def __init__(self, repository: Repository, token_keys: KeyHolder[SigningKeys]) -> None:
        self._repository = repository
        self._token_keys = token_keys

    async def create(self, request: KeyedRequest, card: TokenCard) -> TokenShown:
        """A new token, shown this once; the database keeps its digest. Raises RequestRefused."""
        async with self._repository.change(request.principal) as unit:
            earlier = await self._repository.earlier(unit, request, TokenShown)
            if earlier is not None:
                return earlier
            listed = select(CARDS.c.id).where(in_force(unit.organization_id, Kind.TOKEN))
            if len((await unit.connection.execute(listed)).all()) >= limits.TOKENS_MAX:
                raise RequestRefused(Problem(code=Code.TOO_MANY, values={"limit": str(limits.TOKENS_MAX)}))
            _check_departments(unit, card)
            _check_end(unit, card)
            token_id = token()
            signed, row = await program_tokens.issue(unit, self._token_keys.current, token_id, card)
            answer = TokenShown(id=token_id, version=row.version, token=signed)
            await self._repository.keep(unit, request, answer)
        return answer

    async def reissue(self, request: KeyedRequest, token_id: str) -> TokenShown:
        """Another token for the same card; the one before ends at once. Raises RequestRefused."""
        async with self._repository.change(request.principal) as unit:
            earlier = await self._repository.earlier(unit, request, TokenShown)
            if earlier is not None:
                return earlier
            await unit.fetch(Kind.TOKEN, [token_id])
            # The next version: it takes the rights that making the token took, and other services hear of it.
            card = unit.again(Kind.TOKEN, token_id).card
            assert isinstance(card, TokenCard)
            _check_end(unit, card)
            signed, row = await program_tokens.issue(unit, self._token_keys.current, token_id, card)
            answer = TokenShown(id=token_id, version=row.version, token=signed)
            await self._repository.keep(unit, request, answer)
        return answer

    async def uses(self, organization_id: str, token_ids: Sequence[str]) -> dict[str, TokenUsed]:
        """How tokens are signed, and when they were last used, by id."""
        query = select(PROGRAMS).where(
            PROGRAMS.c.organization_id == organization_id, PROGRAMS.c.token_id.in_(token_ids)
        )
        async with self._repository.database.begin() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.token_id: TokenUsed(
                kid=row.kid, is_of_earlier_kind=not row.kid, last_used_at=row.last_used_at
            )
            for row in rows
        }

    async def revoke(self, principal: Principal, token_id: str, version: int) -> None:
        """End a token: here at once, in other services as soon as they hear the fact."""
        async with self._repository.change(principal) as unit:
            await unit.fetch(Kind.TOKEN, [token_id])
            row = unit.current(Kind.TOKEN, token_id)
            card_saving.require_version(row, version)
            unit.remove(Kind.TOKEN, token_id)
            assert isinstance(row.card, TokenCard)
            fact = structs.replace(
                program_tokens.token_saved(token_id, row.card, Instant(0)), is_revoked=True
            )
            await unit.say_single(fact)
            await program_tokens.forget(unit, token_id)


def _check_end(unit: UnitOfWork, card: TokenCard) -> None:
    if card.ends_at is not None and card.ends_at <= unit.now_at:
        raise RequestRefused(Problem(code=Code.TOKEN_END_PAST, field="ends_at"))


def _check_departments(unit: UnitOfWork, card: TokenCard) -> None:
    """Raises RequestRefused for an unknown department, and for a right that no departments limit."""
    if not card.department_ids:
        return
    problems = [
        employees.unknown(f"department_ids.{position}", id_, unit.office.departments)
        for position, id_ in enumerate(card.department_ids)
        if id_ not in unit.office.departments
    ]
    problems += [
        Problem(code=Code.TOKEN_NOT_LIMITABLE, field=f"actions.{position}", values={"action": str(action)})
        for position, action in enumerate(card.actions)
        if action not in LIMITABLE
    ]
    if problems:
        raise RequestRefused(*problems)
