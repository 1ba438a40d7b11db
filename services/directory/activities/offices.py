"""A whole office saved at once, from its sheet: every card, or none of them."""

import asyncio

from services.directory.activities.book import Book, of_one_name
from services.directory.activities.checking import Checking
from services.directory.activities.employees import Employees
from services.directory.activities.page import Page
from services.directory.rules import sheets
from services.directory.rules.errors import Code, Problem, Refused, shown
from services.directory.rules.sheets import Named
from services.directory.state.cards import ExtensionCard
from services.directory.state.office import Kind, Office
from services.directory.state.sheets import OfficeSheet
from services.directory.state.shown import OfficeShown


class Offices:
    """What is done with a sheet; rights have been checked by whoever calls."""

    def __init__(self, found: Book, employees: Employees, checking: Checking) -> None:
        self._book = found
        self._employees = employees
        self._checking = checking

    async def preview(self, organization_id: str, sheet: OfficeSheet) -> OfficeShown:
        """What saving would change. Nothing is saved, and no PBX is asked. Raises Refused."""
        async with self._book.reading(organization_id) as page:
            return _laid(page, sheet)

    async def save(
        self, organization_id: str, who: str, sheet: OfficeSheet, *, begins: bool = False
    ) -> OfficeShown:
        """Save it, new employees with their secrets; office PBXs are asked for new extensions (O3).

        Whoever has an e-mail address gets the welcome letter (E3); who has none has no console password yet.
        With `begins` the organization itself may be new: it is there with its office, or not at all. Raises
        Refused with every error.
        """
        async with self._book.reading(organization_id) as page:
            asked = _to_be_asked(page.office, sheet)
            before = set(page.office.employees)
            # First looked at as a whole: neither PBXs nor passwords are bothered for what is refused anyway.
            _laid(page, sheet)
            beginners = [each for each in page.office.employees.items() if each[0] not in before]
        for named, card in asked:
            await self._ask(organization_id, who, named, card)
        made = await asyncio.gather(*(self._employees.secret(card) for _, card in beginners))
        secrets = {id_: secret for (id_, _), secret in zip(beginners, made, strict=True)}
        changing = self._book.beginning if begins else self._book.change
        async with changing(organization_id, who) as page:
            before = set(page.office.employees)
            answer = _laid(page, sheet)
            for id_ in page.office.employees:
                if id_ not in before:
                    await self._employees.welcome(page, id_, secrets[id_])
        return answer

    async def _ask(self, organization_id: str, who: str, named: Named, card: ExtensionCard) -> None:
        try:
            await self._checking.demand(organization_id, who, card.pbx_id, card.extension)
        except Refused as refused:
            (problem,) = refused.problems
            located = Problem(code=problem.code, field=f"{named.path}.{problem.field}", values=problem.values)
            raise Refused(located) from refused


def _laid(page: Page, sheet: OfficeSheet) -> OfficeShown:
    """The sheet's cards, put on a page and checked as the office then is. Raises Refused with every error."""
    if sheet.organization_id != page.organization_id:
        field, values = "organization_id", {"id": sheet.organization_id}
        raise Refused(Problem(code=Code.NOT_FOUND, field=field, values=values))
    named = sheets.cards(page.office, sheet)
    changed = sheets.changes(page.office if page.is_begun else None, named)
    left = sheets.left(page.office, named)
    warnings = sheets.not_asked(page.office, sheet)
    gone = [each for each in named if each.kind is not Kind.RULES and _is_gone(page, each)]
    if gone:
        raise Refused(*(Problem(code=Code.ID_TAKEN, field=it.path, values={"id": it.id}) for it in gone))
    for each in named:
        page.put(each.kind, each.id, each.card)
    found = sheets.problems(page.office, named)
    errors = [problem for problem in found if not problem.is_warning]
    if errors:
        raise Refused(*errors)
    return OfficeShown(
        changes=tuple(changed),
        unchanged=len(named) - len(changed),
        left=tuple(left),
        warnings=tuple(shown(problem) for problem in (*found, *warnings)),
    )


def _is_gone(page: Page, named: Named) -> bool:
    """Whether its id was somebody's, or something's, who has been removed: ids are never used again."""
    rows = (page.rows.get((kind, named.id)) for kind in of_one_name(named.kind))
    return any(row is not None and row.is_removed for row in rows)


def _to_be_asked(office: Office, sheet: OfficeSheet) -> list[tuple[Named, ExtensionCard]]:
    """Those whose PBX is in the book: of one that the sheet itself brings no gateway knows yet."""
    return [(named, card) for named, card in sheets.added(office, sheet) if card.pbx_id in office.pbxs]
