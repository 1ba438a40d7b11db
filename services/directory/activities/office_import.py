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

    async def preview(self, organization_id: str, sheet: OfficeSheet) -> OfficeShown:
        """What saving would change; saves nothing and asks no PBX. Raises RequestRefused."""
        async with self._repository.reading(organization_id) as unit:
            return _put(unit, sheet)

    async def save(self, principal: Principal, sheet: OfficeSheet) -> OfficeShown:
        """Save the sheet, with secrets for new employees; ask office PBXs for new extensions (O3).

        Employees with an e-mail address get the welcome letter (E3), the others have no console password yet.
        If the principal may begin the organization, it begins with its office, or not at all.
        Raises RequestRefused with every error.
        """
        async with self._repository.reading(principal.organization_id) as unit:
            asked = _extensions_to_check(unit.office, sheet)
            before = set(unit.office.employees)
            # Check the whole sheet first: a refused one costs no question to a PBX and no password's hash.
            _put(unit, sheet)
            newcomers = [each for each in unit.office.employees.items() if each[0] not in before]
        for named, card in asked:
            await self._ask(principal, named, card)
        made = await asyncio.gather(*(self._employees.secret(card) for _, card in newcomers))
        secrets = {id_: secret for (id_, _), secret in zip(newcomers, made, strict=True)}
        may_begin = principal.may_begin_organization
        changing = self._repository.change_or_begin if may_begin else self._repository.change
        async with changing(principal.organization_id, principal.name) as unit:
            before = set(unit.office.employees)
            answer = _put(unit, sheet)
            for id_ in unit.office.employees:
                if id_ not in before:
                    await self._employees.welcome(unit, id_, secrets[id_])
        return answer

    async def _ask(self, principal: Principal, named: Named, card: ExtensionCard) -> None:
        try:
            await self._extension_checks.require(principal, card.pbx_id, card.extension)
        except RequestRefused as refused:
            (problem,) = refused.problems
            located = Problem(code=problem.code, field=f"{named.path}.{problem.field}", values=problem.values)
            raise RequestRefused(located) from refused


def _put(unit: UnitOfWork, sheet: OfficeSheet) -> OfficeShown:
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
    found = office_import.problems(unit.office, named)
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
