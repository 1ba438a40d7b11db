"""The limits of a notice's text, and its parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.directory import Language
from services.tts.rules import notice_text
from services.tts.rules.notice_text import NoticeRefused, OpenPlaceholder, Refusal, SpokenPart

RU = Language.RUSSIAN


def refused(text: str, values: dict[str, str] | None = None) -> NoticeRefused:
    """How a text is refused."""
    with pytest.raises(NoticeRefused) as found:
        notice_text.parts(RU, text, values or {})
    return found.value


@pytest.mark.rule("T3")
def test_what_is_known_is_filled_and_what_a_call_knows_stays_open() -> None:
    """The department's name is spoken with the text; the position is put in while the caller listens."""
    found = notice_text.parts(
        RU, "Это {department}. {position} {wait_minutes}. Ждите!", {"department": "Отдел продаж"}
    )
    assert found == (
        SpokenPart("Это Отдел продаж."),
        OpenPlaceholder("position"),
        OpenPlaceholder("wait_minutes"),
        SpokenPart("Ждите!"),
    )
    assert str(found[1]) == "{position}"


@pytest.mark.rule("T3")
def test_a_return_date_is_read_as_a_date() -> None:
    """«Вернётся двадцать первого ноября», whether the card has the Russian or the ISO form."""
    spoken = "Она вернётся двадцать первого ноября две тысячи двадцать шестого года."
    for written in ("2026-11-21", "21.11.2026"):
        assert notice_text.parts(RU, "Она вернётся {return_date}.", {"return_date": written}) == (
            SpokenPart(spoken),
        )


@pytest.mark.rule("T3")
def test_an_unknown_placeholder_is_an_error_with_the_nearest_known() -> None:
    """The author learns of a slip when saving, not from a caller who heard braces."""
    error = refused("Вы {posittion} в очереди")
    assert error.refusal is Refusal.PLACEHOLDER_UNKNOWN
    assert "{posittion}" in error.reason(RU)
    assert "{position}" in error.reason(RU)
    far = refused("Вы {x} в очереди")
    assert "{return_date}" in far.reason(Language.ENGLISH)


@pytest.mark.rule("T3")
@pytest.mark.parametrize("text", ["Вы {position", "Вы position}", "{{position}}", "{a{b}}"])
def test_a_brace_of_no_placeholder_is_an_error(text: str) -> None:
    """A forgotten brace would be spoken, or swallow the position."""
    assert refused(text).refusal is Refusal.PLACEHOLDER_BROKEN


@pytest.mark.rule("T3")
@pytest.mark.parametrize("values", [{}, {"employee": ""}, {"employee": " 😀 "}])
def test_a_value_that_is_missing_is_an_error(values: dict[str, str]) -> None:
    """No caller hears «сотрудник … вернётся» with a gap."""
    assert refused("Сотрудник {employee} вернётся", values).refusal is Refusal.VALUE_MISSING


def test_a_value_is_text_and_no_placeholder() -> None:
    """A department named «{position}» is odd, but harmless."""
    assert notice_text.parts(RU, "Это {department}", {"department": "{position}"}) == (
        SpokenPart("Это position"),
    )


def test_a_value_that_nobody_would_listen_to_is_refused() -> None:
    """Values are bounded as texts are."""
    assert refused("{department}", {"department": "а" * 201}).refusal is Refusal.VALUE_TOO_LONG


@pytest.mark.rule("T6")
def test_a_text_has_a_thousand_characters_at_most() -> None:
    """EC-112: 5,000 characters are refused with the number found; exactly a thousand are spoken."""
    assert notice_text.parts(RU, "а" * 1_000, {})
    error = refused("а" * 5_000)
    assert error.refusal is Refusal.TEXT_TOO_LONG
    assert "5000" in error.reason(RU)


@pytest.mark.rule("T6")
@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.TEXT_BLANK),
        (" \t\n ", Refusal.TEXT_BLANK),
        ("😀😀", Refusal.NOTHING_TO_SAY),
        ("... !!!", Refusal.NOTHING_TO_SAY),
        ("\x00\x01\x02", Refusal.NOTHING_TO_SAY),
    ],
)
def test_a_text_without_words_is_refused(text: str, refusal: Refusal) -> None:
    """EC-112: nothing silent is ever saved."""
    assert refused(text).refusal is refusal


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_a_code_a_cause_and_a_remedy(language: Language, refusal: Refusal) -> None:
    """An author reads what is wrong and what to do, in either language."""
    code, _, said = NoticeRefused(refusal, found="{x}").reason(language).partition(": ")
    assert code == refusal
    assert said.count(". ") + said.count("! ") + said.endswith(".") >= 2


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=1_200),
    values=st.dictionaries(st.sampled_from(notice_text.CARD_PLACEHOLDERS), st.text()),
)
def test_any_text_becomes_parts_or_a_refusal(text: str, values: dict[str, str]) -> None:
    """Hostile text ends in words to be spoken or in an error that the author can read; nothing else."""
    try:
        found: object = notice_text.parts(RU, text, values)
    except NoticeRefused as error:
        found = error.reason(RU) and error.reason(Language.ENGLISH)
    assert found


@pytest.mark.rule("T3")
@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("Сейчас в отделе «{department}» много звонков.", "Отдел продаж", "в отделе продаж много"),
        ("Отдел {department} закрыт.", "отдел доставки", "Отдел доставки закрыт"),
        ("Это {department}.", "Отдел продаж", "Это Отдел продаж"),
        ("Вас ждёт отдел «{department}».", "Продажи", "отдел Продажи"),
    ],
)
def test_prompts_a_department_is_called_one_once(text: str, name: str, said: str) -> None:
    """Not «в отделе «Отдел продаж»»: the name has the word already."""
    (part,) = notice_text.parts(Language.RUSSIAN, text, {"department": name})
    assert isinstance(part, SpokenPart)
    assert said in part.text
