"""Lists and counts voice messages, with the principal's rights in every `where` (P6)."""

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import DepartmentId
from contracts.rights import Action
from services.history.activities import queries, tables, visibility
from services.history.activities.authentication import Principal
from services.history.activities.voice_messages import Found
from services.history.rules.message_care import GONE, Care, Inbox

_TABLE: Final = tables.messages


class Filters(Struct, frozen=True, kw_only=True):
    """The filters; None, False or empty filters nothing."""

    inbox: Inbox | None = None
    departments: tuple[DepartmentId, ...] = ()
    cares: tuple[Care, ...] = ()
    is_unclaimed: bool = False


class Counts(Struct, frozen=True, kw_only=True):
    """How many voice messages nobody has heard, claimed or called back, by inbox.

    `claimed` counts those that one has claimed and not called back.
    """

    departments: int
    own: int
    colleagues: int
    claimed: int


async def page(
    connection: AsyncConnection,
    principal: Principal,
    filters: Filters,
    *,
    before: tuple[int, str] | None,
    limit: int,
) -> tuple[list[Found], tuple[int, str] | None]:
    """The visible voice messages that match, newest first, and where the next page begins."""
    query = select(_TABLE.c.voice_message_id, _TABLE.c.taken_at, _TABLE.c.contact_id).where(
        visibility.voice_messages(principal, Action.MESSAGE_HEAR), *_wanted(principal, filters)
    )
    if before is not None:
        at, id_ = before
        # The first condition is redundant: it lets the database enter the index where the page begins.
        query = query.where(
            _TABLE.c.taken_at <= at,
            or_(_TABLE.c.taken_at < at, and_(_TABLE.c.taken_at == at, _TABLE.c.voice_message_id < id_)),
        )
    query = query.order_by(_TABLE.c.taken_at.desc(), _TABLE.c.voice_message_id.desc()).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    contacts = await queries.documents(connection, principal, [row.contact_id for row in rows[:limit]])
    found = []
    for row in rows[:limit]:
        message = contacts[row.contact_id].message(row.voice_message_id)
        assert message is not None, "rows and documents are written together"
        found.append((contacts[row.contact_id], message))
    last = rows[limit - 1] if len(rows) > limit else None
    return found, None if last is None else (last.taken_at, last.voice_message_id)


async def counts(connection: AsyncConnection, principal: Principal) -> Counts:
    """How many there are to take care of."""
    visible = visibility.voice_messages(principal, Action.MESSAGE_HEAR)
    found = {}
    for inbox in Inbox:
        care = Care.CLAIMED if inbox is Inbox.CLAIMED else Care.NEW
        query = select(func.count()).where(visible, _is_in(principal, inbox), _has_come_to(care))
        found[str(inbox)] = await connection.scalar(query) or 0
    return Counts(**found)


def _wanted(principal: Principal, filters: Filters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.inbox is not None:
        wanted.append(_is_in(principal, filters.inbox))
    if filters.departments:
        wanted.append(_TABLE.c.department_id.in_(filters.departments))
    if filters.cares:
        wanted.append(or_(*(_has_come_to(each) for each in filters.cares)))
    if filters.is_unclaimed:
        wanted += [_TABLE.c.claimed_at.is_(None), not_(_is_gone())]
    return wanted


def _is_in(principal: Principal, inbox: Inbox) -> ColumnElement[bool]:
    """A program has nothing of its own."""
    is_own = false() if principal.agent_id is None else _TABLE.c.agent_id == principal.agent_id
    match inbox:
        case Inbox.DEPARTMENTS:
            return _TABLE.c.agent_id.is_(None)
        case Inbox.OWN:
            return is_own
        case Inbox.COLLEAGUES:
            return and_(_TABLE.c.agent_id.is_not(None), not_(is_own))
        case Inbox.CLAIMED:
            if principal.agent_id is None:
                return false()
            return and_(_TABLE.c.claimed_by == principal.agent_id, _TABLE.c.called_back_at.is_(None))


def _is_gone() -> ColumnElement[bool]:
    return _TABLE.c.state.in_([str(each) for each in GONE])


def _has_come_to(care: Care) -> ColumnElement[bool]:
    """What `message_care.care` says, of the columns."""
    if care is Care.GONE:
        return _is_gone()
    # Each of them rules out those before it.
    steps = {
        Care.CALLED_BACK: _TABLE.c.called_back_at,
        Care.CLAIMED: _TABLE.c.claimed_at,
        Care.HEARD: _TABLE.c.heard_at,
    }
    wanted: list[ColumnElement[bool]] = [not_(_is_gone())]
    for step, done_at in steps.items():
        if step is care:
            return and_(*wanted, done_at.is_not(None))
        wanted.append(done_at.is_(None))
    return and_(*wanted)
