"""Names that were saved with invisible characters are read, and said, without them."""

import pytest

from services.directory.activities.tables import CARDS
from services.directory.state.cards import EmployeeCard, NoticeCard, ScenarioCard
from services.directory.state.office import Kind
from tests.integration.directory.companies import ORGANIZATION, Company
from tests.integration.directory.older import begun_again, rows, spoiled


@pytest.mark.rule("E1", "T6")
async def test_l1_a_card_from_before_the_limits_were_stricter_is_cleaned_once(company: Company) -> None:
    """A line separator in a name stopped the process at each start; spoken texts keep their lines."""
    made = await company.made("/employees", {"name": "Орлов Пётр", "pbx_id": "moskva"})
    await company.made("/notices", {"id": "n", "text": "Раз.\nДва."})
    cards = spoiled(await rows(company, CARDS), "Орлов Пётр", "Орлов\u2028Пётр\u202e")
    await begun_again(company, "0002", {CARDS: cards})
    card = (await company.directory.repository.one(ORGANIZATION, Kind.EMPLOYEE, made["id"])).card
    notice = (await company.directory.repository.one(ORGANIZATION, Kind.NOTICE, "n")).card
    assert isinstance(card, EmployeeCard)
    assert isinstance(notice, NoticeCard)
    assert (card.name, notice.text) == ("Орлов Пётр", "Раз.\nДва.")


@pytest.mark.rule("E1", "E2", "T6")
async def test_cards_that_a_trailing_line_feed_spoiled_are_cleaned_and_named(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """«Bob» with a line feed, and extension 202 beside 202: the organization opens, and both are read."""
    made = await company.made("/employees", {"name": "Bob", "pbx_id": "moskva", "extension": "202"})
    await company.made("/notices", {"id": "n", "text": "Раз.\nДва."})
    greeting = {"element_id": "hello", "kind": "greeting", "arrows": [{"on": "next", "to": "end"}]}
    end = {"element_id": "end", "kind": "hang_up"}
    scenario = {"id": "s", "name": "Ночь", "pbx_id": "moskva", "elements": [greeting, end]}
    await company.made("/scenarios", scenario)
    cards = await rows(company, CARDS)
    for text, by in (
        ('"Bob"', '"Bob\\n"'),
        ('"202"', '"202\\n"'),
        ('"end"', '"e\\u202end"'),
        ("Раз.", "\\u202eРаз.\\u0007"),
    ):
        cards = spoiled(cards, text, by)
    await begun_again(company, "0005", {CARDS: cards})
    told = capsys.readouterr().out
    assert told.count("had invisible characters") == 3
    repository = company.directory.repository
    employee = (await repository.one(ORGANIZATION, Kind.EMPLOYEE, made["id"])).card
    notice = (await repository.one(ORGANIZATION, Kind.NOTICE, "n")).card
    night = (await repository.one(ORGANIZATION, Kind.SCENARIO, "s")).card
    assert isinstance(employee, EmployeeCard)
    assert isinstance(notice, NoticeCard)
    assert isinstance(night, ScenarioCard)
    assert (employee.name, employee.extension) == ("Bob", "202")
    assert notice.text == "Раз.\nДва."
    assert night.elements[0].arrows[0].to == night.elements[1].element_id == "end"
    async with repository.change_by_service(ORGANIZATION, "test") as unit:
        assert len(unit.office.employees) == 2
