"""Statistics made from the rows of contacts."""

from collections.abc import Iterable

from contracts.ids import AgentId, DepartmentId, Instant
from services.history.rules import statistics, table_rows
from services.history.rules.figure_cells import CALLBACKS, PLACES, TRIES, cell_of
from services.history.rules.statistics import Counts, DepartmentFigures, EmployeeFigures, PeriodFigures
from services.history.state import Contact


def counted(made: Iterable[dict[str, list[table_rows.TableRow]]]) -> Counts:
    """What all rows count."""
    found = Counts()
    for tables in made:
        for kind, sums in ((PLACES, found.places), (CALLBACKS, found.callbacks)):
            for row in tables[kind]:
                key, number = cell_of(kind, row)
                id_ = DepartmentId(key.department_id)
                sums[id_] = sums.get(id_, 0) + number
        for row in tables[TRIES]:
            key, number = cell_of(TRIES, row)
            agent_id = AgentId(key.agent_id)
            found.tries[agent_id] = found.tries.get(agent_id, 0) + number
    return found


def of_counts(counts: Counts) -> PeriodFigures:
    """The figures of what is counted."""
    return statistics.period(counts, since_at=Instant(0), until_at=Instant(1), service_level_s=20)


def figures(contacts: list[Contact]) -> PeriodFigures:
    """The figures of all that has happened to these contacts."""
    return of_counts(counted(table_rows.rows_of(contact) for contact in contacts))


def employees(contacts: list[Contact]) -> dict[AgentId, EmployeeFigures]:
    """The figures of employees."""
    return {each.agent_id: each for each in figures(contacts).employees}


def departments(contacts: list[Contact]) -> dict[DepartmentId, DepartmentFigures]:
    """The figures of departments."""
    return {each.department_id: each for each in figures(contacts).departments}
