"""Whatever goes wrong, a person reads what it was and what to do, in Russian and in English."""

import re

import pytest

from services.directory.rules.errors import WORDS, Code, Problem, shown


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_words_in_both_languages_with_the_same_values(code: Code) -> None:
    """A code without words would be a crash in front of a person."""
    words = WORDS[code]
    russian = set(re.findall(r"(?<!\{)\{(\w+)\}", words.cause_ru + words.remedy_ru))
    english = set(re.findall(r"(?<!\{)\{(\w+)\}", words.cause_en + words.remedy_en))
    assert russian == english
    made = shown(Problem(code=code, values=dict.fromkeys(russian, "7")))
    for text in (made.cause, made.remedy):
        assert re.search("[а-яА-Я]", text.ru) or "7" in text.ru
        assert re.search("[a-zA-Z]", text.en) or "7" in text.en
