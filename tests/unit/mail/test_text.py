"""Bytes from outside become text that can be read, stored and sent (V4)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.mail.smtp_replies import Stage, result_of_reply
from runtime.text import as_text, one_line


@pytest.mark.parametrize("charset", ["utf-8", "cp1251", "koi8-r", "cp866"])
@pytest.mark.parametrize(
    "words",
    ["принято", "Почтовый ящик переполнен", "попробуйте позже", "ОШИБКА", "5.1.1 нет такого адресата"],
)
def test_p1_words_in_a_charset_of_russia_are_read(charset: str, words: str) -> None:
    """Servers answer in the charset of their country, and do not name it."""
    assert as_text(words.encode(charset)) == words


@pytest.mark.parametrize("words", ["已接收", "邮箱不存在", "用户不存在", "信件太大"])
def test_p1_words_in_chinas_charset_are_read(words: str) -> None:
    """The same in GBK."""
    assert as_text(words.encode("gbk")) == words


@pytest.mark.parametrize("words", ["Boîte pleine", "Empfänger überfüllt", "größe"])
def test_p1_words_in_latin_1_are_read(words: str) -> None:
    """And in the charset of western Europe."""
    assert as_text(words.encode("latin-1")) == words


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=999))
def test_p1_whatever_a_server_says_can_be_written_down(said: bytes, code: int) -> None:
    """A fact with its words goes onto the log, whatever bytes they came in."""
    assert msgspec.json.encode(as_text(said))
    answer = result_of_reply(Stage.RCPT, code, said.decode("utf-8", "surrogateescape"))
    assert msgspec.json.decode(msgspec.json.encode(answer.text)) == answer.text
    assert len(answer.text) <= 500
    assert "\n" not in answer.text


@given(st.text(max_size=400))
def test_l1_a_cleaned_name_is_one_line_and_bounded(text: str) -> None:
    """The result fits into a header, a file and a screen."""
    cleaned = one_line(text)
    assert len(cleaned) <= 120
    assert cleaned == " ".join(cleaned.split())
    assert cleaned.isprintable()
    assert "=?" not in cleaned
