"""What each role may do, and for which subjects: the meaning of the table of rights."""

import itertools

import pytest

from contracts.directory import Role
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import (
    LIMITABLE,
    TABLE,
    Action,
    Person,
    Program,
    Reach,
    Subject,
    allows,
    beyond,
    own_departments,
    reach,
)

SALES, SERVICE = DepartmentId("sales"), DepartmentId("service")
NORTH = OrganizationId("north")


@pytest.mark.rule("P2", "P3")
@pytest.mark.parametrize(
    ("role", "own"),
    [
        (Role.DEPARTMENT_HEAD, {SALES}),
        (Role.USER, {SALES, SERVICE}),
        (Role.RESTRICTED_USER, {SALES, SERVICE}),
    ],
)
def test_a_head_s_departments_are_those_headed_and_a_seat_counts_for_anybody_else(
    role: Role, own: set[DepartmentId]
) -> None:
    """Sales is headed, in Service there is a seat: a head has no say over colleagues there."""
    assert own_departments(role, heads=[SALES], sits_in=[SERVICE]) == own


@pytest.mark.rule("P2")
def test_a_head_sees_own_calls_in_a_department_with_a_seat_and_colleagues_calls_not() -> None:
    """An employee who took a call sees it, whatever its department."""
    head = Person(
        organization_id=NORTH,
        agent_id=AgentId("anna"),
        role=Role.DEPARTMENT_HEAD,
        departments=own_departments(Role.DEPARTMENT_HEAD, heads=[SALES], sits_in=[SERVICE]),
    )
    mine = Subject(
        organization_id=NORTH, departments=frozenset({SERVICE}), agents=frozenset({AgentId("anna")})
    )
    colleagues = Subject(
        organization_id=NORTH, departments=frozenset({SERVICE}), agents=frozenset({AgentId("boris")})
    )
    assert allows(head, Action.HISTORY_READ, mine)
    assert not allows(head, Action.HISTORY_READ, colleagues)


@pytest.mark.rule("P6")
def test_what_is_not_in_the_table_is_refused() -> None:
    """Deny by default, for every role and action; only an administrator has them all."""
    for action in Action:
        assert TABLE[action][Role.ADMINISTRATOR] is Reach.ORGANIZATION
        for role in Role:
            person = Person(organization_id=NORTH, agent_id=AgentId("anna"), role=role)
            if role not in TABLE[action]:
                assert reach(person, action) is None, (role, action)
                everything = Subject(
                    organization_id=NORTH,
                    agents=frozenset({AgentId("anna")}),
                    departments=frozenset({SALES}),
                )
                assert not allows(person, action, everything), (role, action)


TABLE_OF_P = """
                        administrator   department_head   user           restricted_user
settings.read           organization    -                 -              -
settings.write          organization    -                 -              -
roles.grant             organization    -                 -              -
secrets.write           organization    -                 -              -
card.read               organization    departments       own            own
colleagues.read         organization    organization      organization   organization
rules.write             organization    departments       own            own
pause.write             organization    departments       own            own
callback.order          organization    departments       departments    -
callback.cancel         organization    departments       departments    -
callback.report         organization    departments       departments    departments
live.read               organization    chosen            departments    -
history.read            organization    chosen            chosen         own
history.read_internal   organization    chosen            -              -
history.download        organization    chosen            chosen         -
number.see              organization    chosen            chosen         own
statistics.read         organization    chosen            chosen         -
recording.hear          organization    chosen            chosen         -
message.hear            organization    chosen            chosen         own
message.delete          organization    chosen            -              -
erase                   organization    -                 -              -
audit.read              organization    -                 -              -
"""
"""The rules P1 to P8 as a table: a change of rights changes two tables."""


def table_of_p() -> dict[tuple[Action, Role], str]:
    """Each cell of the table."""
    head, *lines = (line.split() for line in TABLE_OF_P.strip().splitlines())
    cells: dict[tuple[Action, Role], str] = {}
    for action, *reaches in lines:
        cells |= {(Action(action), Role(role)): reach for role, reach in zip(head, reaches, strict=True)}
    return cells


@pytest.mark.rule("P1", "P2", "P3", "P4", "P5", "P6", "P8")
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_n6_every_role_may_what_the_rules_say_and_nothing_else(role: Role, action: Action) -> None:
    """Every action and role, every switch, every subject: own, of the own department, another's, foreign."""
    cell = table_of_p()[action, role]
    switches = ("sees_organization", "may_download", "may_hear", "sees_numbers")
    for values in itertools.product((False, True), repeat=len(switches)):
        person = Person(
            organization_id=NORTH,
            agent_id=AgentId("anna"),
            role=role,
            departments=frozenset({SALES}),
            **dict(zip(switches, values, strict=True)),
        )
        far = _reach_of(cell, role, action, person)
        for agent, department, organization in itertools.product(
            ("anna", "boris", ""), (SALES, SERVICE, None), (NORTH, OrganizationId("south"))
        ):
            subject = Subject(
                organization_id=organization,
                agents=frozenset({AgentId(agent)}) if agent else frozenset(),
                departments=frozenset() if department is None else frozenset({department}),
            )
            wanted = organization == NORTH and (
                far == "organization"
                or (far == "departments" and (department == SALES or agent == "anna"))
                or (far == "own" and agent == "anna")
            )
            assert allows(person, action, subject) is wanted, (values, subject)


def _reach_of(cell: str, role: Role, action: Action, person: Person) -> str:
    """A cell with the role's switches (P2, P3) applied."""
    if role in (Role.USER, Role.RESTRICTED_USER):
        if action is Action.HISTORY_DOWNLOAD and not person.may_download:
            return "-"
        if action is Action.RECORDING_HEAR and not person.may_hear:
            return "-"
    if action is Action.NUMBER_SEE and not person.sees_numbers:
        return "-"
    if cell == "chosen":
        return "organization" if person.sees_organization else "departments"
    return cell


def a_program(*actions: Action, departments: frozenset[DepartmentId] = frozenset()) -> Program:
    """A token."""
    return Program(organization_id=NORTH, token_id="it", actions=frozenset(actions), departments=departments)


@pytest.mark.rule("P9")
def test_a_limited_program_reaches_no_further_than_its_departments() -> None:
    """Whatever concerns the whole organization is not its business, even where its card names it."""
    program = a_program(*Action, departments=frozenset({SALES}))
    for action in Action:
        assert reach(program, action) is (Reach.DEPARTMENTS if action in LIMITABLE else None), action
    assert not {Action.ERASE, Action.SETTINGS_WRITE, Action.ROLES_GRANT, Action.SECRETS_WRITE} & LIMITABLE
    sales, service = (
        Subject(organization_id=NORTH, departments=frozenset({each})) for each in (SALES, SERVICE)
    )
    assert allows(program, Action.CALLBACK_ORDER, sales)
    assert not allows(program, Action.CALLBACK_ORDER, service)
    assert not allows(program, Action.SETTINGS_READ, Subject(organization_id=NORTH))


@pytest.mark.rule("P7")
def test_who_has_more_than_another_is_beyond_that_other() -> None:
    """Each role against each role and some programs: only an administrator is beyond nobody's reach."""

    def person(role: Role, **switches: bool) -> Person:
        departments = frozenset({SALES})
        return Person(
            organization_id=NORTH,
            agent_id=AgentId(role),
            role=role,
            departments=departments,
            **switches,
        )

    people = {role: person(role) for role in Role}
    for role in Role:
        assert beyond(people[Role.ADMINISTRATOR], people[role]) == []
        assert beyond(a_program(*Action), people[role]) == []
        assert beyond(a_program(Action.ROLES_GRANT), people[role])
        assert (beyond(people[Role.USER], people[role]) == []) == (role is Role.USER)
    user = person(Role.USER, sees_organization=True)
    assert Action.HISTORY_READ in beyond(people[Role.USER], user)
    assert beyond(a_program(*Action, departments=frozenset({SALES})), people[Role.USER]), (
        "own calls elsewhere"
    )
    assert beyond(a_program(Action.HISTORY_READ), a_program(Action.HISTORY_READ)) == []
    sales = a_program(Action.HISTORY_READ, departments=frozenset({SALES}))
    assert beyond(a_program(Action.HISTORY_READ), sales) == []
    assert beyond(sales, a_program(Action.HISTORY_READ)) == [Action.HISTORY_READ]
    both = a_program(Action.HISTORY_READ, departments=frozenset({SALES, SERVICE}))
    assert (beyond(both, sales), beyond(sales, both)) == ([], [Action.HISTORY_READ])
    elsewhere = Program(organization_id=OrganizationId("south"), token_id="it", actions=frozenset(Action))
    assert beyond(elsewhere, people[Role.RESTRICTED_USER]), "another organization's"
    # What the organization hides from its administrators they may give all the same.
    hidden = person(Role.ADMINISTRATOR, sees_numbers=False)
    assert reach(hidden, Action.NUMBER_SEE) is None
    assert beyond(hidden, people[Role.USER]) == []
