"""Passwords that are guessed first are refused, and those that people think of themselves are not."""

import pytest

from services.directory.rules.passwords import is_common, is_own

COMMON = frozenset({"password", "qwertyuiop", "1234567890", "parol"})
OWN = ("vostok", "Гусев Родион", "gusev.r", "rodion.g")


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password2026!",
        "  qwertyuiop  ",
        "1234567890",
        "Пароль12345",
        "aaaaaaaaaaaa",
        "121212121212",
    ],
)
def test_a_common_password_is_refused_also_with_digits_around_it_or_in_cyrillic(password: str) -> None:
    """These are tried first, by every list."""
    assert is_common(password, COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "gusev.r2026",
        "GUSEV-Rodion",
        "гусев.родион!",
        "vostok-gusev-1",
        "rodion.g.vostok",
        "Родион 1990 Гусев",
    ],
)
def test_a_password_of_own_words_alone_is_refused_in_any_order_and_spelling(password: str) -> None:
    """Whoever knows the employee tries these first."""
    assert is_own(password, OWN)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "gusev keeps bees", "пароль от калитки", "k7jm-9qpx-42dv", "9374016482"],
)
def test_a_password_of_other_words_or_of_chance_is_taken(password: str) -> None:
    """A rule that refuses good passwords makes people write them down."""
    assert not is_common(password, COMMON)
    assert not is_own(password, OWN)


def test_an_own_word_that_repeats_in_a_long_password_takes_no_time() -> None:
    """Nobody keeps a processor busy with a name that fits in many ways."""
    assert is_own("а" * 198 + "аб", ("ааа", "аааа", "ааб"))
    assert not is_own("a" * 199 + "z", ("aaa", "aaaa", "aaaaa"))
