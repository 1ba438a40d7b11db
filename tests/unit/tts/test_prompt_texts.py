"""The standard prompts: complete, grammatical, in both languages."""

import re

import pytest

from contracts.directory import Language
from contracts.ids import MediaKey
from contracts.prompts import (
    PROMPTS,
    Prompt,
    apology_keys,
    prompt_keys,
)
from services.tts.rules import prompt_texts
from services.tts.rules.text_normalization import as_spoken, has_words


@pytest.mark.rule("T1")
@pytest.mark.parametrize("language", Language)
def test_every_prompt_has_words_of_its_language(language: Language) -> None:
    """A decider may list any prompt: each can be spoken, and none in the wrong language."""
    for prompt in PROMPTS:
        said = prompt_texts.text(language, prompt)
        if prompt == Prompt.RINGING_TONE:
            continue
        assert has_words(said), prompt
        foreign = r"[a-z]" if language is Language.RUSSIAN else r"[а-яё]"
        assert not re.search(foreign, said, re.IGNORECASE), prompt


@pytest.mark.rule("T1")
@pytest.mark.parametrize("language", Language)
def test_no_two_prompts_say_the_same(language: Language) -> None:
    """The third in the queue never hears that she is the second; only a short pair is like its digit."""
    said = [prompt_texts.text(language, prompt) for prompt in PROMPTS]
    assert len(set(said)) == len(said)


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("prompt", "russian", "english"),
    [
        ("position_3", "Ваше место в очереди — третье.", "You are number three in the queue."),
        ("position_21", "Ваше место в очереди — двадцать первое.", "You are number twenty-one in the queue."),
        (
            "wait_1",
            "Примерное время ожидания — одна минута.",
            "The estimated waiting time is one minute.",
        ),
        (
            "wait_21",
            "Примерное время ожидания — двадцать одна минута.",
            "The estimated waiting time is twenty-one minutes.",
        ),
        ("waited_2", "Клиент ждёт две минуты.", "The caller has been waiting for two minutes."),
        (
            "waited_21",
            "Клиент ждёт двадцать одну минуту.",
            "The caller has been waiting for twenty-one minutes.",
        ),
        ("pair_07", "ноль семь", "zero seven"),
        ("pair_40", "сорок", "forty"),
        ("hundred_9", "девятьсот", "nine hundred"),
    ],
)
def test_values_agree_in_gender_and_case(prompt: str, russian: str, english: str) -> None:
    """Callers and agents hear correct Russian and English, whatever the number."""
    assert prompt_texts.text(Language.RUSSIAN, prompt) == russian
    assert prompt_texts.text(Language.ENGLISH, prompt) == english


def test_russian_minutes_agree_for_every_number() -> None:
    """«минута» after 1, 21, 31…, «минуты» after 2 to 4, «минут» else: each of the sixty is right."""
    for n in range(1, 61):
        form = prompt_texts.text(Language.RUSSIAN, f"wait_{n}").removesuffix(".").split()[-1]
        few = n % 10 in (2, 3, 4) and n not in (12, 13, 14)
        assert form == ("минута" if n % 10 == 1 and n != 11 else "минуты" if few else "минут"), n


@pytest.mark.rule("D3")
def test_the_standard_forward_says_both_things() -> None:
    """A forwarded caller learns that the employee can't answer and that another specialist will."""
    said = prompt_texts.text(Language.RUSSIAN, Prompt.FORWARD)
    assert "не может ответить" in said
    assert "ответит другой специалист" in said


def test_what_is_played_first_is_made_first() -> None:
    """On a new installation the first caller's welcome is there before any number is."""
    order = prompt_texts.in_order_of_use()
    assert sorted(order) == sorted(PROMPTS)
    assert order[0] == Prompt.QUEUE_WELCOME
    assert order.index("position_1") < order.index(Prompt.REFUSED_OFF) < order.index("pair_99")


def test_prompts_are_written_as_they_are_spoken() -> None:
    """A standard prompt needs no reading aloud of numbers: it has words only."""
    for language in Language:
        for prompt in PROMPTS:
            said = prompt_texts.text(language, prompt)
            assert not re.search(r"\d", said)
            assert has_words(as_spoken(language, said)) == bool(said)


def test_an_unknown_prompt_is_no_prompt() -> None:
    """A misspelt name fails loudly in a test, and not as silence in a call."""
    with pytest.raises(KeyError):
        prompt_texts.text(Language.RUSSIAN, "posittion_3")


@pytest.mark.rule("C1", "T1")
def test_prompts_say_first_what_is_done_and_then_what_can_be_done() -> None:
    """A caller who hangs up after the first sentence knows of the order; the keys come later."""
    for language, done, key in (
        (Language.RUSSIAN, "Обратный звонок заказан.", "нажмите"),
        (Language.ENGLISH, "Your callback has been ordered.", "press"),
    ):
        said = prompt_texts.text(language, Prompt.ORDER_TAKEN_NUMBER)
        assert said.startswith(done)
        assert said.index(key) > len(done)


@pytest.mark.rule("C4", "T1")
def test_prompts_the_apology_names_the_company_once_its_name_is_rendered() -> None:
    """The customer must know which company apologizes; without a name it is still an apology."""
    name = (MediaKey("speech/name.wav"),)
    assert apology_keys(Language.RUSSIAN) == prompt_keys(Language.RUSSIAN, Prompt.APOLOGY)
    first, second, last = apology_keys(Language.RUSSIAN, name)
    assert (first, second, last) == (
        *prompt_keys(Language.RUSSIAN, Prompt.APOLOGY_FROM),
        *name,
        *prompt_keys(Language.RUSSIAN, Prompt.APOLOGY_AFTER_NAME),
    )
    assert "извинения" in prompt_texts.text(Language.RUSSIAN, Prompt.APOLOGY_AFTER_NAME)


@pytest.mark.rule("Q4")
@pytest.mark.parametrize("language", Language)
def test_prompts_an_unknown_wait_has_no_number(language: Language) -> None:
    """Without data the prompt says «we cannot say» instead of a number (EC-22)."""
    said = prompt_texts.text(language, Prompt.WAIT_UNKNOWN)
    assert not re.search(r"\d|минут|minute", said)


@pytest.mark.rule("T1", "D4")
def test_prompts_closed_hours_have_a_standard_notice() -> None:
    """The prompt names the time of the call as the reason."""
    assert "нерабочее время" in prompt_texts.text(Language.RUSSIAN, Prompt.CLOSED_HOURS)
    assert "working hours" in prompt_texts.text(Language.ENGLISH, Prompt.CLOSED_HOURS)
