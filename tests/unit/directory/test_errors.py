"""Every error says what is wrong and what to do, in Russian and in English."""

import re

import pytest

from contracts.dialling import Refusal
from services.directory.rules.errors import REFUSALS, WORDS, Code, Problem, shown


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_words_in_both_languages_with_the_same_values(code: Code) -> None:
    """A code without words would crash the answer."""
    words = WORDS[code]
    russian = set(re.findall(r"(?<!\{)\{(\w+)\}", words.cause_ru + words.remedy_ru))
    english = set(re.findall(r"(?<!\{)\{(\w+)\}", words.cause_en + words.remedy_en))
    assert russian == english
    made = shown(Problem(code=code, values={**dict.fromkeys(russian, "7"), "reason": "denied"}))
    for text in (made.cause, made.remedy):
        assert re.search("[а-яА-Я]", text.ru) or "7" in text.ru
        assert re.search("[a-zA-Z]", text.en) or "7" in text.en


@pytest.mark.parametrize("refusal", list(REFUSALS))
def test_why_a_number_may_not_be_dialled_is_told_in_words(refusal: Refusal) -> None:
    """«premium» is a word for programs; `values` keep it for them."""
    problem = Problem(code=Code.NUMBER_REFUSED, values={"number": "+7", "reason": str(refusal)})
    assert str(refusal) not in shown(problem).cause.ru
    assert REFUSALS[refusal].ru in shown(problem).cause.ru
    assert REFUSALS[refusal].en in shown(problem).cause.en


def test_the_refusals_without_words_here_are_those_of_orders() -> None:
    """A card's number is refused for itself, not for limits, quiet hours or the kill switch."""
    of_orders = {
        Refusal.SWITCHED_OFF,
        Refusal.TOO_MANY_FOR_NUMBER,
        Refusal.TOO_MANY_FOR_DEPARTMENT,
        Refusal.TOO_MANY_FOR_ORGANIZATION,
        Refusal.NO_TIME_LEFT,
        Refusal.CALLBACKS_OFF,
        Refusal.TOO_MANY_TODAY,
        Refusal.MINUTES_USED_UP,
    }
    assert set(Refusal) - set(REFUSALS) == of_orders
