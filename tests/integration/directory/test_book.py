"""The book keeps what is saved, says it, and saves all of a change or nothing."""

import pytest

from contracts.directory import AgentSaved, DepartmentSaved, OrganizationSaved, PbxSaved, RightsSaved
from tests.integration.directory.companies import Company


@pytest.mark.rule("Q11")
async def test_from_the_first_day_there_is_a_department_and_all_of_it_is_on_the_log(company: Company) -> None:
    """A new company can be called at once."""
    log = await company.sent()
    [organization] = log.facts(OrganizationSaved)
    [pbx] = log.facts(PbxSaved)
    [agent] = log.facts(AgentSaved)
    [rights] = log.facts(RightsSaved)
    [department] = log.facts(DepartmentSaved)
    assert organization.name == "Восток"
    assert organization.dialling_policy.own_numbers == pbx.numbers == ("+74950001000",)
    assert (agent.extension, agent.version) == ("200", 1)
    assert rights.role == "administrator"
    assert (department.name, department.extension) == ("Отдел продаж", "201")


async def test_an_employee_gets_a_login_the_next_extension_and_secrets_once(company: Company) -> None:
    """An administrator types a name, and the rest is there (E1, E2)."""
    made = await company.made("/employees", {"name": "Щукина Юлия", "pbx_id": "moskva"})
    assert made["card"]["login"] == "shchukina.i"
    assert made["card"]["extension"] == "202"
    assert len(made["one_time_password"]) >= 16
    assert len(made["phone_password"]) >= 16
    read = await company.call("GET", f"/employees/{made['id']}")
    assert read.json()["one_time_password"] is None
    log = await company.sent()
    assert made["one_time_password"] not in str(log.sent)
    assert made["phone_password"] not in str(log.sent)
