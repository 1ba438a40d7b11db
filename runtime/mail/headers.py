"""Header values: cleaned, encoded and folded here, the same with every version of Python.

The standard library's folding changes with its releases: it has lost spaces between encoded words
(python/cpython #92081, #144156) and the quotes of long names (#80222). So a value is either ASCII, folded at
spaces, or consists of encoded words only (RFC 2047), between which a reader drops the white space. Every text
is cleaned first, so that it can't add a header line.
"""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from runtime.text import NAME_LENGTH_MAX, one_line

LINE_LENGTH_MAX: Final = 76
"""RFC 2047 for a line with an encoded word; RFC 5322 recommends 78."""
TEXT_LENGTH_MAX: Final = 200
"""The longest subject; mail programs show less."""
_FRAME: Final = len("=?utf-8?b??=")
_WORD_BYTES_MAX: Final = (75 - _FRAME) // 4 * 3
"""RFC 2047 allows 75 characters in an encoded word; base64 makes four characters of three bytes."""
_BREAK: Final = "\r\n "
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
"""A name that needs no quotes (RFC 5322, 3.2.3)."""


def text(name: str, value: str) -> str:
    """An unstructured header, such as a subject."""
    value = one_line(value, TEXT_LENGTH_MAX)
    if value.isascii():
        return _folded(f"{name}:", value.split(" "))
    return f"{name}: {_encoded(value, len(name) + 2)}"


def mailbox(name: str, display: str, address: str) -> str:
    """A header with a name and an address."""
    display = one_line(display, NAME_LENGTH_MAX)
    if not display:
        return f"{name}: {address}"
    quoted = display if _ATOMS.fullmatch(display) else _quoted(display)
    is_plain = display.isascii() and len(f"{name}: {quoted}") <= LINE_LENGTH_MAX
    # Never fold within quotes: not every reader joins the lines again.
    phrase = quoted if is_plain else _encoded(display, len(name) + 2)
    last = phrase.rpartition("\n")[2]
    space = " " if len(last) + len(address) + 3 <= LINE_LENGTH_MAX - len(name) - 2 else _BREAK
    return f"{name}: {phrase}{space}<{address}>"


def file_names(name: str) -> tuple[str, str]:
    """A file's name as parameters of Content-Type and Content-Disposition.

    Programs without RFC 2231 find the name as an encoded word in Content-Type.
    """
    name = one_line(name, NAME_LENGTH_MAX)
    if name.isascii():
        return f"name={_quoted(name)}", f"filename={_quoted(name)}"
    words = " ".join(_words(name, _WORD_BYTES_MAX))
    return f'name="{words}"', f"filename*=utf-8''{quote(name, safe='')}"


def _quoted(value: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _encoded(value: str, begun: int) -> str:
    """The whole value as encoded words; the first has less room, since the header's name precedes it."""
    room = (LINE_LENGTH_MAX - begun - _FRAME) // 4 * 3
    return _BREAK.join(_words(value, room))


def _words(value: str, first_bytes_max: int) -> Iterator[str]:
    chunk, limit = b"", first_bytes_max
    for letter in value:
        data = letter.encode()
        # A combining mark stays with its letter, unless there are too many of them.
        room = limit - 6 if not unicodedata.combining(letter) else limit
        if chunk and len(chunk) + len(data) > room:
            yield _word(chunk)
            chunk, limit = b"", _WORD_BYTES_MAX
        chunk += data
    yield _word(chunk)


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{b64encode(data).decode()}?="


def _folded(begun: str, tokens: list[str]) -> str:
    lines = [begun]
    for token in tokens:
        # The first token stays on the name's line: some readers take a line with only a name for an empty
        # header.
        if len(lines[-1]) + 1 + len(token) > LINE_LENGTH_MAX and lines[-1] != begun:
            lines.append("")
        lines[-1] += f" {token}"
    return "\r\n".join(lines)
