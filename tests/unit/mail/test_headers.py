"""A header is one line, and every reader decodes it as it was meant (V4, E3)."""

import os
import re
import shutil
import subprocess
from base64 import b64decode
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.stack.services import ROOT
from runtime.mail import headers
from runtime.text import one_line

PYTHONS = ("python3.11", "python3.12", "python3.13")
SUBJECTS = (
    "Голосовое сообщение: +7 912 345-67-89, отдел «Отдел продаж запасных частей»",
    "Голосовое сообщение: +7 912 345-67-89, отдел «Отдел продаж недвижимости и ипотеки»",
    "До клиента не дозвонились: +7 912 345-67-89, отдел «Отдел сервисного обслуживания и ремонта»",
    "Voice message: +7 912 345-67-89, Запись на приём к врачу",
    "Ваш доступ к телефонии: Торговый дом «Волга» и сыновья, общество с ограниченной ответственностью",
    "A voice message for the department of sales and of everything else that is sold in this country",
    "ё" * 200,
    "x" * 200,
    "👩‍🔧 Сервис",
)
NAMES = (
    "Anderson-Montgomery, Christopher Alexander, Head of Sales (Northern Region), Volga Ltd",
    'Иванова "Аня", отдел продаж; <склад>',
    "O'Brien & Sons, Ltd.",
    "a@b.example, c",
    "\\",
    '"',
)
PRINTED = """
import sys
from runtime.mail import headers
for text in sys.stdin.read().split("\\0"):
    print(headers.text("Subject", text))
    print(headers.mailbox("To", text, "a@volga.example"))
    print(*headers.file_names(text))
"""


def unfolded(header: str) -> str:
    """A header's value on one line (RFC 5322, 2.2.3)."""
    return re.sub(r"\r\n(?=[ \t])", "", header).partition(": ")[2]


def read(value: str) -> str:
    """Encoded words as RFC 2047 says, word by word, and no space between two of them."""
    joined = re.sub(r"(\?=)[ \t]+(?==\?)", r"\1", value)
    return re.sub(r"=\?utf-8\?b\?([^?]*)\?=", lambda found: b64decode(found[1]).decode(), joined)


def name_of(value: str) -> str:
    """The name beside an address, as it is shown."""
    phrase = value.rpartition("<")[0].strip()
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return read(phrase)


@pytest.mark.rule("V4")
@given(st.sampled_from(SUBJECTS) | st.text(max_size=300))
def test_p3_a_subject_is_read_as_it_was_meant(subject: str) -> None:
    """No space is lost between encoded words, and no line is longer than a reader takes."""
    header = headers.text("Subject", subject)
    assert read(unfolded(header)) == one_line(subject, 200)
    lines = header.split("\r\n")
    assert all(len(line) <= 76 or " " not in line.removeprefix("Subject:").strip() for line in lines)
    assert all(line.strip() for line in lines) or not subject.strip()
    assert "?==?" not in header
    assert header.isascii()
    assert all(len(word) <= 75 for word in re.findall(r"=\?\S+\?=", header))


@pytest.mark.rule("V4")
@given(st.sampled_from((*NAMES, *SUBJECTS)) | st.text(max_size=200))
def test_p4_a_name_stays_one_recipient_and_is_shown_whole(name: str) -> None:
    """However long, and whatever commas, quotes and brackets it has."""
    value = unfolded(headers.mailbox("To", name, "a@volga.example"))
    assert [address for _, address in getaddresses([value])] == ["a@volga.example"]
    assert name_of(value) == one_line(name)


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize(
    "hostile",
    [
        "=?utf-8?q?x=0D=0ABcc:_all@volga.example=0D=0A=0D=0Abody?=",
        "a\r\nBcc: all@volga.example",
        "a\n\nbody",
        "a\u2028Bcc: all@volga.example",
        "a\x85b\x0bc\x00d",
        "\u202egnp.exe",
        "\ud800",
    ],
)
def test_l1_no_text_becomes_a_line_of_its_own(hostile: str) -> None:
    """Nor does it become one where a reader decodes it a second time."""
    for header in (headers.text("Subject", hostile), headers.mailbox("To", hostile, "a@volga.example")):
        assert all(line.startswith((" ", "Subject:", "To:")) for line in header.split("\r\n"))
        shown = read(unfolded(header))
        assert shown.isprintable()
        assert read(shown) == shown
    for parameter in headers.file_names(hostile):
        assert parameter.isprintable()
        assert parameter.isascii()


def test_l6_a_files_name_is_there_in_both_forms() -> None:
    """Programs without RFC 2231 show the MP3's name, too."""
    old, new = headers.file_names("сообщение-2026-11-21-1110.mp3")
    assert read(old) == 'name="сообщение-2026-11-21-1110.mp3"'
    assert new.startswith("filename*=utf-8''%D1%81")
    assert headers.file_names('a"b.mp3') == ('name="a\\"b.mp3"', 'filename="a\\"b.mp3"')


@pytest.mark.parametrize("python", PYTHONS)
def test_p3_headers_are_the_same_whatever_python_is_installed(python: str) -> None:
    """Python 3.11 to 3.13 fold differently, so theirs is not used. Skipped for versions that are not here."""
    found = shutil.which(python)
    texts = "\0".join((*SUBJECTS, *NAMES))
    expected = "".join(
        "{}\n{}\n{} {}\n".format(
            headers.text("Subject", text),
            headers.mailbox("To", text, "a@volga.example"),
            *headers.file_names(text),
        )
        for text in texts.split("\0")
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    argv = [found or "", "-S", "-c", PRINTED]
    if (
        found is None
        or subprocess.run([*argv[:2], "-c", ""], env=env, capture_output=True, check=False).returncode
    ):
        pytest.skip(f"there is no {python} here")
    made = subprocess.run(argv, input=texts.encode(), env=env, capture_output=True, check=True)
    assert made.stdout.decode() == expected
