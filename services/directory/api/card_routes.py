"""Routes that every kind of card has: list, create, read, save, remove."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter

from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action, Subject
from services.directory.activities import card_saving
from services.directory.activities.authentication import Principal
from services.directory.activities.idempotency import KeyedRequest
from services.directory.api.methods import delete, get, post, put
from services.directory.api.shared import (
    PATH_LENGTH_MAX,
    CurrentPrincipal,
    Cursor,
    GivenOperations,
    IdempotencyKey,
    IfMatch,
    Limit,
    Operations,
    Search,
    keyed_request,
    require,
    require_list,
    shown_saved,
    subject_of_department,
    version_of,
    with_etag,
)
from services.directory.rules import extensions
from services.directory.state.cards import Card
from services.directory.state.office import Kind
from services.directory.state.responses import Listed, Shown

C = TypeVar("C", bound=Card)
D = TypeVar("D", bound=Card)


class Cards(Generic[C]):
    """Reads and changes cards of one kind on behalf of a principal, whose rights it checks."""

    def __init__(self, operations: Operations, principal: Principal, kind: Kind, card: type[C]) -> None:
        self._operations = operations
        self._principal = principal
        self._kind = kind
        self._card = card

    async def _require(self, action: Action, what: str, subject: Subject | None = None) -> None:
        await require(self._operations, self._principal, action, what, subject)

    async def listed(self, search: str, cursor: str, limit: int) -> Listed[C]:
        """A page of cards."""
        among = None
        if self._kind is Kind.DEPARTMENT:
            among = await require_list(self._operations, self._principal, Action.SETTINGS_READ, self._kind)
        else:
            await self._require(Action.SETTINGS_READ, f"{self._kind}")
        rows, following = await self._operations.repository.listed(
            self._principal.organization_id,
            self._kind,
            search=search,
            cursor=cursor,
            limit=limit,
            among=among,
        )
        cards = [shown_saved(card_saving.SavedCard(row=row), self._card) for row in rows]
        return Listed(cards=tuple(cards), next=following)

    async def read(self, id_: str) -> Shown[C]:
        """One card."""
        subject = subject_of_department(self._principal, id_) if self._kind is Kind.DEPARTMENT else None
        await self._require(Action.SETTINGS_READ, f"{self._kind}/{id_}", subject)
        row = await self._operations.repository.one(self._principal.organization_id, self._kind, id_)
        return shown_saved(card_saving.SavedCard(row=row), self._card)

    async def create(self, draft: Card, name: str, request: KeyedRequest) -> Shown[C]:
        """A new card with the draft's fields; without an extension it gets the next free one (E2)."""
        await self._require(Action.SETTINGS_WRITE, f"{self._kind}")
        repository = self._operations.repository
        values = {each: getattr(draft, each) for each in self._card.__struct_fields__}
        async with repository.change(self._principal) as unit:
            shown: type[Shown[C]] = Shown[self._card]  # type: ignore[name-defined]
            answer = await repository.earlier(unit, request, shown)
            if answer is None:
                if "extension" in values and values["extension"] is None:
                    values["extension"] = extensions.free(unit.office, values["pbx_id"])
                id_: str | None = getattr(draft, "id", None)
                saved = card_saving.create(unit, self._kind, id_, name, self._card(**values))
                answer = shown_saved(saved, self._card)
                await repository.keep(unit, request, answer)
        return answer

    async def replace(self, id_: str, if_match: str | None, card: C) -> Shown[C]:
        """Save a card as its next version."""
        await self._require(Action.SETTINGS_WRITE, f"{self._kind}/{id_}")
        version = version_of(if_match)
        repository = self._operations.repository
        async with repository.change(self._principal) as unit:
            saved = card_saving.replace(unit, self._kind, id_, version, card)
        return shown_saved(saved, self._card)

    async def remove(self, id_: str, if_match: str | None) -> None:
        """Take a card out of force."""
        await self._require(Action.SETTINGS_WRITE, f"{self._kind}/{id_}")
        version = version_of(if_match)
        repository = self._operations.repository
        async with repository.change(self._principal) as unit:
            card_saving.remove(unit, self._kind, id_, version)


class CardRoutes(Generic[C, D]):
    """Makes the route handlers for one kind of card; a controller takes those that the kind has.

    `id_name` names the id in paths. `name` is what an id is made from where the draft has none.
    Litestar reads the handlers' annotations when it builds the routes, so a variable may name a type there.
    """

    def __init__(
        self, kind: Kind, card: type[C], draft: type[D], *, id_name: str, name: Callable[[D], str]
    ) -> None:
        self._kind = kind
        self._card = card
        self._draft = draft
        self._name = name
        self._path = f"/{{{id_name}:str}}"
        self._path_id = Annotated[
            str,
            PathParameter(
                name=id_name,
                max_length=PATH_LENGTH_MAX,
                pattern=LINE_PATTERN,
            ),
        ]

    def cards(self, operations: Operations, principal: Principal) -> Cards[C]:
        """The kind's cards, for one principal."""
        return Cards(operations, principal, self._kind, self._card)

    def listed(self) -> HTTPRouteHandler:
        """GET: cards by id."""
        card, cards = self._card, self.cards

        async def listed(
            self: Any,
            operations: GivenOperations,
            principal: CurrentPrincipal,
            search: Search = "",
            cursor: Cursor = "",
            limit: Limit = 50,
        ) -> Listed[card]:  # type: ignore[valid-type]
            return await cards(operations, principal).listed(search, cursor, limit)

        return get()(listed)

    def create(self) -> HTTPRouteHandler:
        """POST: a new card from its draft."""
        card, draft, created = self._card, self._draft, self.created

        async def create(
            self: Any,
            request: Request[Any, Any, Any],
            operations: GivenOperations,
            principal: CurrentPrincipal,
            data: JSONBody[draft],  # type: ignore[valid-type]
            idempotency_key: IdempotencyKey = None,
        ) -> Response[Shown[card]]:  # type: ignore[valid-type]
            once = await keyed_request(principal, request, idempotency_key)
            return await created(operations, principal, data, once)

        return post()(create)

    async def created(
        self, operations: Operations, principal: Principal, draft: D, request: KeyedRequest
    ) -> Response[Shown[C]]:
        """The answer to POST."""
        made = await self.cards(operations, principal).create(draft, self._name(draft), request)
        return with_etag(made, made.version, 201)

    def read(self) -> HTTPRouteHandler:
        """GET of one card."""
        card, path_id, cards = self._card, self._path_id, self.cards

        async def read(
            self: Any,
            operations: GivenOperations,
            principal: CurrentPrincipal,
            card_id: path_id,  # type: ignore[valid-type]
        ) -> Response[Shown[card]]:  # type: ignore[valid-type]
            found = await cards(operations, principal).read(card_id)
            return with_etag(found, found.version)

        return get(self._path)(read)

    def save(self) -> HTTPRouteHandler:
        """PUT: a card's next version."""
        card, path_id, cards = self._card, self._path_id, self.cards

        async def save(
            self: Any,
            operations: GivenOperations,
            principal: CurrentPrincipal,
            card_id: path_id,  # type: ignore[valid-type]
            data: JSONBody[card],  # type: ignore[valid-type]
            if_match: IfMatch = None,
        ) -> Response[Shown[card]]:  # type: ignore[valid-type]
            saved = await cards(operations, principal).replace(card_id, if_match, data)
            return with_etag(saved, saved.version)

        return put(self._path)(save)

    def remove(self) -> HTTPRouteHandler:
        """DELETE: a card out of force."""
        path_id, cards = self._path_id, self.cards

        async def remove(
            self: Any,
            operations: GivenOperations,
            principal: CurrentPrincipal,
            card_id: path_id,  # type: ignore[valid-type]
            if_match: IfMatch = None,
        ) -> None:
            await cards(operations, principal).remove(card_id, if_match)

        return delete(self._path)(remove)
