"""Who may do what, and how far: what the one table means, whoever reads it."""

import pytest

from contracts.directory import Role
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import TABLE, Action, Person, Reach, Subject, allows, own_departments, reach

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
    """Who took a call sees it, wherever it was."""
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
