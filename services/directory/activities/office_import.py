"""Saves a whole office from one sheet: every card or none."""

import asyncio

from services.directory.activities.authentication import Principal
from services.directory.activities.card_saving import kinds_with_ids_of
from services.directory.activities.employees import Employees
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.repository import Repository
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules import office_import
from services.directory.rules.errors import Code, Problem, RequestRefused, shown
from services.directory.rules.office_import import Named
from services.directory.state.cards import ExtensionCard
from services.directory.state.office import Kind, Office
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import OfficeShown


class OfficeImport:
    """Previews and saves sheets; the caller has checked the rights."""

    def __init__(
        self, repository: Repository, employees: Employees, extension_checks: ExtensionChecks
    ) -> None:
        self._repository = repository
        self._employees = employees
        self._extension_checks = extension_checks

    async def preview(self, principal: Principal, sheet: OfficeSheet) -> OfficeShown:
        """What saving would change; saves nothing and asks no PBX. Raises RequestRefused.

        What the operator has not assigned yet is a warning here, and refused when it is saved.
        """
        async with self._repository.reading(principal.organization_id) as unit:
            answer = _put(unit, sheet, is_preview=True)
        await self._repository.require_rights(principal, unit)
        return answer

    async def save(self, principal: Principal, sheet: OfficeSheet) -> OfficeShown:
        """Save the sheet, with secrets for new employees; ask office PBXs for new extensions (O3).

        Employees with an e-mail address get the welcome letter (E3), the others have no console password yet.
        If the principal may begin the organization, it begins with its office, or not at all.
        Raises RequestRefused with every error.
        """
        async with self._repository.reading(principal.organization_id) as unit:
            asked = _extensions_to_check(unit.office, sheet)
            before = unit.ids(Kind.EMPLOYEE)
            # Check the whole sheet first: a refused one costs no question to a PBX and no password's hash.
            _put(unit, sheet)
            newcomers = [each for each in unit.office.employees.items() if each[0] not in before]
        await self._repository.require_rights(principal, unit)
        for named, card in asked:
            await self._ask(principal, named, card)
        made = await asyncio.gather(*(self._employees.secret(card) for _, card in newcomers))
        secrets = {id_: secret for (id_, _), secret in zip(newcomers, made, strict=True)}
        try:
            async with self._repository.change_office(principal) as unit:
                before = unit.ids(Kind.EMPLOYEE)
                answer = _put(unit, sheet)
                await self._employees.end_links(unit)
                for id_ in unit.office.employees:
                    if id_ not in before:
                        await self._employees.welcome(unit, id_, secrets[id_])
        except RequestRefused as refused:
            raise RequestRefused(*map(_located, refused.problems)) from refused
        return answer

    async def _ask(self, principal: Principal, named: Named, card: ExtensionCard) -> None:
        try:
            await self._extension_checks.require(principal, card.pbx_id, card.extension)
        except RequestRefused as refused:
            (problem,) = refused.problems
            located = Problem(code=problem.code, field=f"{named.path}.{problem.field}", values=problem.values)
            raise RequestRefused(located) from refused


def _located(problem: Problem) -> Problem:
    """A card that is too large, at its place in the sheet."""
    if problem.code is not Code.TOO_LARGE:
        return problem
    return Problem(code=problem.code, field=problem.values.get("path", ""), values=problem.values)


def _put(unit: UnitOfWork, sheet: OfficeSheet, *, is_preview: bool = False) -> OfficeShown:
    """Put the sheet's cards and check the office that they make. Raises RequestRefused with every error."""
    if sheet.organization_id != unit.organization_id:
        field, values = "organization_id", {"id": sheet.organization_id}
        raise RequestRefused(Problem(code=Code.NOT_FOUND, field=field, values=values))
    named = office_import.cards(unit.office, sheet)
    changed = office_import.changes(unit.office if unit.is_begun else None, named)
    left = office_import.left(unit.office, named)
    warnings = office_import.not_asked(unit.office, sheet)
    gone = [each for each in named if each.kind is not Kind.RULES and _is_removed(unit, each)]
    if gone:
        raise RequestRefused(
            *(Problem(code=Code.ID_TAKEN, field=it.path, values={"id": it.id}) for it in gone)
        )
    for each in named:
        unit.put(each.kind, each.id, each.card)
    unit.require_readable()
    found = office_import.problems(unit.office, named)
    if is_preview:
        found = [office_import.warned_of(each) for each in found]
    errors = [problem for problem in found if not problem.is_warning]
    if errors:
        raise RequestRefused(*errors)
    return OfficeShown(
        changes=tuple(changed),
        unchanged=len(named) - len(changed),
        left=tuple(left),
        warnings=tuple(shown(problem) for problem in (*found, *warnings)),
    )


def _is_removed(unit: UnitOfWork, named: Named) -> bool:
    """Whether the id belonged to something removed: ids are never used again."""
    rows = (unit.rows.get((kind, named.id)) for kind in kinds_with_ids_of(named.kind))
    return any(row is not None and row.is_removed for row in rows)


def _extensions_to_check(office: Office, sheet: OfficeSheet) -> list[tuple[Named, ExtensionCard]]:
    """Added extensions of saved PBXs: a gateway does not know a PBX yet that the sheet itself adds."""
    return [(named, card) for named, card in office_import.added(office, sheet) if card.pbx_id in office.pbxs]
