"""Which role the claims of an ID token give."""

from typing import Any

import pytest

from contracts.directory import Role
from services.directory.activities.openid_roles import RoleMapping, decoded, encoded

BY_GROUPS = RoleMapping(
    claim="groups",
    roles=(("heads", Role.DEPARTMENT_HEAD), ("admins", Role.ADMINISTRATOR), ("1", Role.ADMINISTRATOR)),
    otherwise=Role.USER,
)


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("admins", Role.ADMINISTRATOR),
        (["everybody", "admins"], Role.ADMINISTRATOR),
        (["admins", "heads"], Role.DEPARTMENT_HEAD),
        ([1, None, {"admins": True}, ["admins"], "heads"], Role.DEPARTMENT_HEAD),
        ("the admins", Role.USER),
        ("ADMINS", Role.USER),
        ([], Role.USER),
        ("", Role.USER),
        (None, Role.USER),
        (1, Role.USER),
        ([1], Role.USER),
        (True, Role.USER),
        ({"admins": "admins"}, Role.USER),
        ([["admins"]], Role.USER),
    ],
)
def test_the_first_value_that_the_operator_named_counts_and_nothing_but_a_string_is_one(
    said: Any, role: Role
) -> None:
    """Whole and letter by letter: a claim of another shape gives nobody more."""
    assert BY_GROUPS.role({"groups": said}) is role
    assert BY_GROUPS.role({"roles": said}) is Role.USER


def test_a_mapping_comes_back_from_the_table_as_it_was() -> None:
    """With the order of its values, which counts."""
    assert decoded(encoded(BY_GROUPS)) == BY_GROUPS
    assert decoded(encoded(None)) is None
