"""What a change takes beside the right to its route: nobody gives away more than he has (P7).

It is asked of what has changed, at the end of every unit of work, whatever route, sheet or program made the
change: a role is a role, whether a card or an office file gives it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct, structs

from contracts import rights
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import FROM_PEOPLE_ONLY, Action, Holder, Person, Subject
from services.directory.rules import holders
from services.directory.state.cards import (
    Card,
    DepartmentCard,
    EmployeeCard,
    OrganizationCard,
    RulesCard,
    TokenCard,
)
from services.directory.state.office import Kind, Office

ROLE_FIELDS: Final = ("role", "sees_organization", "may_download", "may_hear")
SECRET_FIELDS: Final = ("login", "email", "mobile")
"""By these a person logs in, gets the first password, or recovers a forgotten one."""
OF_SEATS: Final = (Action.HISTORY_READ, Action.MESSAGE_HEAR, Action.RECORDING_HEAR)
"""What a seat gives of the department's past: whoever gives the seat has it, too (P3)."""


class Change(NamedTuple):
    """A changed card; None: it was not there, or is removed."""

    kind: Kind
    id: str
    before: Card | None
    after: Card | None


class Needed(Struct, frozen=True, kw_only=True):
    """A right that a change takes. Of `holders` none may have more rights than whoever makes the change."""

    action: Action
    what: str
    holders: tuple[Holder, ...] = ()
    own_of: str | None = None
    """This employee may make the change without the right."""
    signs_in: str | None = None
    """It changes by what this employee signs in, who makes it only if authenticated a short while ago."""
    is_from_people_only: bool = False


def needed(changes: Iterable[Change], before: Office, after: Office) -> Iterator[Needed]:
    """The rights that changes of an office take, where that depends on what has changed."""
    for change in changes:
        match change.before or change.after:
            case EmployeeCard():
                yield from _of_employee(change, before, after)
            case DepartmentCard():
                yield from _of_department(change, before, after)
            case OrganizationCard():
                yield from _of_organization(change, after)
            case RulesCard():
                yield from _of_rules(change, after)
            case TokenCard():
                yield from _of_token(change, after)
            case _:
                pass


def of_secret(office: Office, agent_id: str) -> Needed:
    """What another password of an employee takes."""
    return Needed(
        action=Action.SECRETS_WRITE,
        what=f"employee/{agent_id}/password",
        holders=_people(agent_id, office),
        signs_in=agent_id,
    )


def missing(holder: Holder, wanted: Needed, *, by_operator: bool = False) -> Action | None:
    """The right that whoever makes the change lacks, or None.

    `by_operator`: whoever runs the installation says who administers the office, and so gives any right.
    """
    if by_operator or (isinstance(holder, Person) and holder.agent_id == wanted.own_of):
        return None
    organization = Subject(organization_id=holder.organization_id)
    if not rights.allows(holder, wanted.action, organization):
        return wanted.action
    if wanted.is_from_people_only and not isinstance(holder, Person):
        return wanted.action
    return next((action for each in wanted.holders for action in rights.beyond(holder, each)), None)


def _of_employee(change: Change, before: Office, after: Office) -> Iterator[Needed]:
    what = f"employee/{change.id}"
    people = (*_people(change.id, before), *_people(change.id, after))
    gives_role = Needed(action=Action.ROLES_GRANT, what=what, holders=people)
    writes_secret = Needed(action=Action.SECRETS_WRITE, what=what, holders=people)
    if change.before is None or change.after is None:
        # Whoever is created gets a role and secrets; whoever is removed loses them, and every login ends.
        yield gives_role
        yield writes_secret
        return
    if _differ(change, ROLE_FIELDS):
        yield gives_role
    if _differ(change, SECRET_FIELDS):
        yield structs.replace(writes_secret, signs_in=change.id)


def _of_department(change: Change, before: Office, after: Office) -> Iterator[Needed]:
    was = holders.heads_of(change.before) if isinstance(change.before, DepartmentCard) else set()
    heads = holders.heads_of(change.after) if isinstance(change.after, DepartmentCard) else set()
    # Heads go with a removed department, and with their own removal, which is another change.
    taken = {id_ for id_ in was - heads if change.after is not None and id_ in after.employees}
    for id_ in sorted((heads - was) | taken):
        people = (*_people(id_, before), *_people(id_, after))
        yield Needed(action=Action.ROLES_GRANT, what=f"department/{change.id}/heads", holders=people)
    if _adds(change, "recipients") or _adds(change, "heads"):
        yield Needed(action=Action.MESSAGE_HEAR, what=f"department/{change.id}/recipients")
    yield from _of_seats(change, before, after)


def _of_seats(change: Change, before: Office, after: Office) -> Iterator[Needed]:
    """What new seats give to people who did not have it: nothing to those who see own calls only, or all."""
    sat, sit = (_seated(each) for each in (change.before, change.after))
    here = Subject(
        organization_id=OrganizationId(after.organization_id),
        departments=frozenset({DepartmentId(change.id)}),
    )
    for action in OF_SEATS:
        for id_ in sorted(sit - sat):
            had, has = (
                any(rights.allows(each, action, here) for each in _people(id_, office))
                for office in (before, after)
            )
            if has and not had:
                yield Needed(action=action, what=f"department/{change.id}/agents")


def _seated(card: Card | None) -> set[str]:
    return {seat.agent_id for seat in card.agents} if isinstance(card, DepartmentCard) else set()


def _of_organization(change: Change, after: Office) -> Iterator[Needed]:
    assert isinstance(change.after, OrganizationCard)
    if isinstance(change.before, OrganizationCard) and change.before.console_url != change.after.console_url:
        # Letters lead people there, and they type their passwords.
        yield Needed(action=Action.SECRETS_WRITE, what="organization/console_url")
    if isinstance(change.before, OrganizationCard) and _differ(change, ("requires_second_factor",)):
        yield Needed(action=Action.SECRETS_WRITE, what="organization/requires_second_factor")
    if _adds(change, "administrators"):
        yield Needed(action=Action.MESSAGE_HEAR, what="organization/administrators")
    hidden = change.before.numbers_hidden_from if isinstance(change.before, OrganizationCard) else ()
    if set(hidden) != set(change.after.numbers_hidden_from):
        shown_to = [role for role in hidden if role not in change.after.numbers_hidden_from]
        people = tuple(
            Person(organization_id=OrganizationId(after.organization_id), agent_id=AgentId(""), role=role)
            for role in shown_to
        )
        what = "organization/numbers_hidden_from"
        yield Needed(action=Action.ROLES_GRANT, what=what, holders=people)


def _of_rules(change: Change, after: Office) -> Iterator[Needed]:
    if change.id not in after.employees:
        return
    before = change.before if isinstance(change.before, RulesCard) else RulesCard()
    card = change.after if isinstance(change.after, RulesCard) else RulesCard()
    if before.numbers != card.numbers:
        yield Needed(action=Action.SETTINGS_WRITE, what=f"rules/{change.id}/numbers")
    if before.recipients != card.recipients:
        # These letters have the voice messages in them, which a head of the department may not hear.
        for action in (Action.SETTINGS_WRITE, Action.MESSAGE_HEAR):
            yield Needed(action=action, what=f"rules/{change.id}/recipients", own_of=change.id)


def _of_token(change: Change, after: Office) -> Iterator[Needed]:
    cards = [each for each in (change.before, change.after) if isinstance(each, TokenCard)]
    given = change.after.actions if isinstance(change.after, TokenCard) else ()
    yield Needed(
        action=Action.SECRETS_WRITE,
        what="token" if change.before is None else f"token/{change.id}",
        holders=tuple(holders.program(after.organization_id, change.id, card) for card in cards),
        is_from_people_only=bool(FROM_PEOPLE_ONLY & set(given)),
    )


def _people(agent_id: str, office: Office) -> tuple[Person, ...]:
    found = holders.person_in(office, agent_id)
    return () if found is None else (found,)


def _adds(change: Change, field: str) -> bool:
    """Whether somebody gets letters who did not: these have voice messages in them, to be heard."""
    before, after = (getattr(each, field, ()) for each in (change.before, change.after))
    return not set(after) <= set(before)


def _differ(change: Change, fields: tuple[str, ...]) -> bool:
    return any(getattr(change.before, name) != getattr(change.after, name) for name in fields)
