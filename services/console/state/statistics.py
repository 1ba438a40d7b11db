"""History's figures as the console shows them. Instants and durations in ms, shares in percent."""

import msgspec

from services.console.state.answers import Text


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """Callbacks ordered, and how they ended."""

    ordered: int
    connected: int
    expired: int
    unreached: int
    cancelled: int
    refused: int
    open: int
    by_other_call: int


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of departments."""

    offered: int
    answered: int
    abandoned: int
    wait_ms_median: int | None
    wait_ms_p90: int | None
    service_level_percent: float | None
    callbacks: Funnel


class Department(Calls, frozen=True, kw_only=True):
    """The calls of one department."""

    department_id: str
    name: str
    pbx_name: str

    @property
    def called(self) -> str:
        """Its name; of one whose card history has never seen, its id."""
        return self.name or self.department_id


class Employee(msgspec.Struct, frozen=True, kw_only=True):
    """The tries of one employee."""

    agent_id: str
    offered: int
    answered: int
    missed: int
    declined: int
    answer_ms_average: int | None
    share_percent: float | None
    name: str
    pbx_name: str

    @property
    def called(self) -> str:
        """The name; of somebody whose card history has never seen, the id."""
        return self.name or self.agent_id


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of a day, as 2026-11-30."""

    day: str
    offered: int
    answered: int
    abandoned: int
    wait_ms_median: int | None
    service_level_percent: float | None


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of an hour of a weekday: 1 is Monday, hours are 0 to 23."""

    weekday: int
    hour: int
    offered: int
    service_level_percent: float | None


class Formulas(msgspec.Struct, frozen=True, kw_only=True):
    """How each figure is counted, in words."""

    offered: Text
    answered: Text
    abandoned: Text
    service_level: Text
    wait_median: Text
    wait_p90: Text
    callbacks: Text
    connected: Text
    expired: Text
    unreached: Text
    cancelled: Text
    refused: Text
    standing: Text
    tries: Text
    taken: Text
    share: Text
    answer: Text
    previous: Text


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period."""

    since_at: int
    until_at: int
    total: Calls
    departments: tuple[Department, ...]
    employees: tuple[Employee, ...]


class Statistics(Period, frozen=True, kw_only=True):
    """The figures of a period, how each is counted, and those of the period before."""

    days: tuple[Day, ...]
    hours: tuple[Hour, ...]
    service_level_s: int
    formulas: Formulas
    previous: Period | None
