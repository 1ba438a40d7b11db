"""How history's API refuses a malformed request, in the words that its sender reads."""

import re

import pytest

from contracts.directory import RightsSaved, Role
from contracts.ids import AgentId
from tests.integration.history.harness import HistoryHarness
from tests.integration.history.logs import said
from tests.unit.history.stories import NORTH

FOREIGN = re.compile(r"Expected|regex|`|Invalid|Missing required|\bdata\b")


async def boss_of(harness: HistoryHarness) -> AgentId:
    """An administrator."""
    right = RightsSaved(agent_id=AgentId("boss"), version=1, role=Role.ADMINISTRATOR)
    harness.log.facts[0] = [said(0, harness.clock.now(), right, NORTH)]
    await harness.project()
    return AgentId("boss")


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("/history?limit=many", "limit", "It needs a whole number."),
        ("/history?limit=0", "limit", "Write at least 1."),
        ("/history?since_at=yesterday", "since_at", "It needs a whole number."),
        ("/history?is_voicemail=maybe", "is_voicemail", "It needs true or false."),
        ("/history?after=" + "x" * 700, "after", "Shorten it: the maximum in characters is 600."),
        ("/statistics?since_at=0&until_at=-1", "until_at", "Write at least 0."),
    ],
)
async def test_n7_a_parameter_of_a_wrong_shape_is_named_in_both_languages(
    harness: HistoryHarness, path: str, field: str, words: str
) -> None:
    """Someone who mistypes a filter reads which one, and what it takes."""
    async with harness.browser(await boss_of(harness)) as asked:
        answer = await asked.get(path)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (400, "request_invalid", field)
    assert told["remedy"]["en"] == words
    for part in ("cause", "remedy"):
        assert re.search("[а-яё]", told[part]["ru"])
        assert not FOREIGN.search(told[part]["ru"] + told[part]["en"])


@pytest.mark.parametrize(
    ("body", "field", "cause"),
    [
        (b"{}", "number", "«number» is missing."),
        (b'{"number": 7}', "number", "«number» has the wrong type: a number."),
        (b"", "", "The request has no body."),
        (b"{", "", "The request's body is not JSON."),
        (b'{"number": "\xff"}', "", "The request's body is not JSON."),
    ],
)
async def test_n7_a_body_of_a_wrong_shape_is_told_in_words(
    harness: HistoryHarness, body: bytes, field: str, cause: str
) -> None:
    """The same words as the directory's: they come from one place."""
    async with harness.browser(await boss_of(harness)) as asked:
        answer = await asked.post("/erase", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.json()["cause"]["en"] == cause
