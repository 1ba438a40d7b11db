"""How values are read to people: rows of prompts that all exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.prompts import (
    PROMPTS,
    Prompt,
    attempt_prompt,
    number_prompts,
    position_prompt,
    prompt_key,
    prompt_keys,
    wait_prompt,
    waited_prompt,
)

RU, EN = Language.RUSSIAN, Language.ENGLISH


@pytest.mark.rule("T1")
def test_russian_reads_a_phone_number_in_groups() -> None:
    """«плюс семь, девятьсот двенадцать, триста сорок пять, шестьдесят семь, восемьдесят девять»."""
    assert number_prompts(RU, "+79123456789") == (
        "plus",
        "digit_7",
        "hundred_9",
        "pair_12",
        "hundred_3",
        "pair_45",
        "pair_67",
        "pair_89",
    )


@pytest.mark.rule("T1")
def test_russian_reads_zeros_as_people_do() -> None:
    """495 is one number, 800 «восемьсот», 205 «двести пять», 007 «ноль ноль-семь», 00 «ноль-ноль»."""
    assert number_prompts(RU, "+78002050007") == (
        "plus",
        "digit_7",
        "hundred_8",
        "hundred_2",
        "digit_5",
        "pair_00",
        "pair_07",
    )


@pytest.mark.rule("T1")
def test_english_reads_single_digits() -> None:
    """«plus seven nine one two …»."""
    assert number_prompts(EN, "+79123456789") == ("plus", *(f"digit_{c}" for c in "79123456789"))


@pytest.mark.rule("T1")
def test_what_is_no_phone_number_is_read_digit_by_digit() -> None:
    """A short number, or junk: nothing is invented, and nothing breaks."""
    assert number_prompts(RU, "205") == ("digit_2", "digit_0", "digit_5")
    assert number_prompts(EN, "") == ()
    assert number_prompts(RU, "x٣1") == ("digit_3", "digit_1")


@pytest.mark.rule("T1")
@given(st.text(max_size=30), st.sampled_from(list(Language)))
def test_every_prompt_of_any_number_exists(number: str, language: Language) -> None:
    """A prompt that was not rendered would be silence on the line."""
    assert set(number_prompts(language, number)) <= set(PROMPTS)


@pytest.mark.rule("T1")
@given(st.integers(10**9, 10**10 - 1), st.sampled_from(["+7", "+1", "+44", "+49", "+998"]))
def test_every_prompt_of_numbers_of_many_countries_exists(rest: int, country: str) -> None:
    """Groups have other sizes elsewhere; all of them can be read."""
    for language in Language:
        found = number_prompts(language, f"{country}{rest}")
        assert set(found) <= set(PROMPTS)
        assert found[0] == Prompt.PLUS


@pytest.mark.rule("T1", "Q4")
@given(st.integers(1, 10_000), st.one_of(st.none(), st.integers(0, 10**9)))
def test_every_position_and_wait_can_be_said(position: int, wait_ms: int | None) -> None:
    """Whatever the queue computes, there is a prompt for it."""
    assert position_prompt(position) in PROMPTS
    assert wait_prompt(wait_ms) in PROMPTS
    assert waited_prompt(wait_ms or 0) in PROMPTS


@pytest.mark.rule("T1", "Q4")
def test_waits_are_rounded_up_and_end_somewhere() -> None:
    """Five minutes and a second is «six minutes»; «seventy-three» never occurs; nor does a guess (EC-22)."""
    assert wait_prompt(300_000) == "wait_5"
    assert wait_prompt(301_000) == "wait_6"
    assert wait_prompt(1) == "wait_1"
    assert wait_prompt(61 * 60_000) == Prompt.WAIT_OVER_AN_HOUR
    assert wait_prompt(None) == Prompt.WAIT_UNKNOWN
    assert position_prompt(31) == Prompt.POSITION_OVER_MAX
    assert waited_prompt(10**9) == "waited_60"


@pytest.mark.rule("T1")
def test_a_prompt_lies_where_its_language_and_name_say() -> None:
    """The key is the same for every organization, so that it is rendered once."""
    assert prompt_key(RU, Prompt.APOLOGY) == "standard/ru/apology.wav"
    assert prompt_keys(EN, "plus", "digit_1") == ("standard/en/plus.wav", "standard/en/digit_1.wav")
    assert len(set(PROMPTS)) == len(PROMPTS)


@pytest.mark.rule("C6")
def test_m2_an_agent_hears_why_the_attempt_ended() -> None:
    """Busy, no answer, declined, switched off, no such number: each has words; the rest is «not reached»."""
    told = {outcome: attempt_prompt(outcome) for outcome in Outcome}
    assert told[Outcome.BUSY] == Prompt.CUSTOMER_BUSY
    assert told[Outcome.NO_ANSWER] == Prompt.CUSTOMER_NO_ANSWER
    assert told[Outcome.DECLINED] == Prompt.CUSTOMER_DECLINED
    assert told[Outcome.UNAVAILABLE] == Prompt.CUSTOMER_UNAVAILABLE
    assert told[Outcome.BAD_NUMBER] == Prompt.CUSTOMER_BAD_NUMBER
    assert told[Outcome.FAILED] == told[Outcome.UNREACHABLE] == Prompt.CUSTOMER_UNREACHED
    assert set(told.values()) <= set(PROMPTS)
