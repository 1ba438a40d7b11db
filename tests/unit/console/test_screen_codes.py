"""Codes that people type at a screen by a remote control."""

import pytest

from services.console.rules.screen_codes import ALPHABET, shown, typed


def test_a_code_is_shown_in_groups_and_has_no_look_alikes() -> None:
    assert shown("K7QF2M9XPR4T") == "K7QF-2M9X-PR4T"
    assert len(ALPHABET) == len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)


@pytest.mark.parametrize("text", ["K7QF-2M9X-PR4T", " k7qf 2m9x pr4t ", "k7qf2m9xpr4t"])
def test_a_code_is_taken_however_it_is_typed(text: str) -> None:
    assert typed(text) == "K7QF2M9XPR4T"


def test_look_alikes_are_what_they_look_like() -> None:
    assert typed("OIL0-0000-0000") == "011000000000"


@pytest.mark.parametrize("text", ["", "K7QF-2M9X", "K7QF-2M9X-PR4U", "К7QF-2M9X-PR4T", "K7QF-2M9X-PR4T-1"])
def test_what_can_be_no_code_is_none(text: str) -> None:
    assert typed(text) == ""
