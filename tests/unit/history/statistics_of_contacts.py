"""Statistics made from the rows of contacts."""

from contracts.ids import AgentId, DepartmentId
from services.history.rules import statistics, table_rows
from services.history.rules.statistics import (
    CallbackLine,
    DepartmentFigures,
    EmployeeFigures,
    PlaceLine,
    TryLine,
)
from services.history.state import Contact


def employees(contacts: list[Contact]) -> dict[AgentId, EmployeeFigures]:
    """The figures of employees."""
    lines = [
        TryLine(each["agent_id"], each["kind"], each["end"], each["rang_ms"])
        for contact in contacts
        for each in table_rows.rows_of(contact)["tries"]
    ]
    return {each.agent_id: each for each in statistics.employees(lines)}


def departments(contacts: list[Contact]) -> dict[DepartmentId, DepartmentFigures]:
    """The figures of departments."""
    made = [table_rows.rows_of(contact) for contact in contacts]
    places = [
        PlaceLine(each["department_id"], each["end"], each["waited_ms"])
        for tables in made
        for each in tables["places"]
    ]
    callbacks = [
        CallbackLine(*(each[field] for field in CallbackLine.__struct_fields__))
        for tables in made
        for each in tables["callbacks"]
    ]
    found = statistics.departments(places, callbacks, [], service_level_s=20, voicemail_s=3600)
    return {each.department_id: each for each in found}
