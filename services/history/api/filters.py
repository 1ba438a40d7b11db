"""The filters of a request for history (H5)."""

from enum import StrEnum
from typing import Annotated, Final, TypeVar

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from contracts.ids import AgentId, DepartmentId, PbxId
from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from services.history.activities.queries import Filters
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import CurrentPrincipal, InjectedParts, canonical_number
from services.history.rules.errors import Code, Refused
from services.history.rules.outcome import Outcome
from services.history.state import Direction

IDS_LENGTH_MAX: Final = 2_000
IDS_MAX: Final = 100
NUMBER_LENGTH_MAX: Final = 32

Ids = Annotated[
    str,
    QueryParameter(
        max_length=IDS_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="any of these, with commas between",
    ),
]
Number = Annotated[
    str,
    QueryParameter(
        max_length=NUMBER_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="the customer's, as people write it in the organization's country, or with + everywhere;"
        " only for who may see numbers",
    ),
]

RequestedFilters = NamedDependency[Filters]
W = TypeVar("W", bound=StrEnum)


def split_ids(text: str, field: str) -> list[str]:
    """The values of a filter, each once. Raises Refused when there are too many."""
    found = list(dict.fromkeys(each for each in text.split(",") if each))
    if len(found) > IDS_MAX:
        raise Refused(Code.FILTER_TOO_LONG, field=field, limit=str(IDS_MAX))
    return found


def words(known: type[W], text: str, field: str) -> tuple[W, ...]:
    """Words of a closed list. Raises Refused, naming the known ones."""
    try:
        return tuple(known(each) for each in split_ids(text, field))
    except ValueError as error:
        raise Refused(Code.FILTER_UNKNOWN, field=field, known=", ".join(known)) from error


def word(known: type[W], text: str, field: str) -> W:
    """One word of a closed list. Raises Refused, naming the known ones."""
    found = words(known, text, field)
    if len(found) != 1:
        raise Refused(Code.FILTER_UNKNOWN, field=field, known=", ".join(known))
    return found[0]


async def requested_filters(
    parts: InjectedParts,
    principal: CurrentPrincipal,
    period: RequestedPeriod,
    department: Ids = "",
    employee: Ids = "",
    pbx: Ids = "",
    direction: Ids = "",
    outcome: Ids = "",
    number: Number = "",
    is_voicemail: Annotated[bool | None, QueryParameter(description="«Автоответчик» only, or none")] = None,
) -> Filters:
    """The filters of a request (H5). Raises Refused, also where who may not see numbers looks for one."""
    if number:
        # A search that answers «nothing found» would tell a number digit by digit.
        await parts.authentication.require(principal, Action.NUMBER_SEE, "history by number")
    return Filters(
        since_at=period.since_at,
        until_at=period.until_at,
        departments=tuple(DepartmentId(each) for each in split_ids(department, "department")),
        employees=tuple(AgentId(each) for each in split_ids(employee, "employee")),
        pbxs=tuple(PbxId(each) for each in split_ids(pbx, "pbx")),
        directions=words(Direction, direction, "direction"),
        outcomes=words(Outcome, outcome, "outcome"),
        number=await canonical_number(parts, principal, number) if number else "",
        is_voicemail=is_voicemail,
    )
