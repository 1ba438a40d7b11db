"""An upload is recognized by its first bytes, and a rendering by its content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import uploads
from runtime.uploads import Container
from services.tts.rules import content_address
from services.tts.rules.content_address import AudioFormat, Voice

VOICE = Voice("espeak-ng", "ru", 145)


@pytest.mark.rule("T4")
@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", Container.WAV),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", Container.MP3),
        (b"\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00", Container.MP3),
        (b"OggS\x00\x02\x00\x00\x00\x00\x00\x00", Container.OGG),
        (b"\x00\x00\x00\x20ftypM4A ", Container.M4A),
        (b"RIFF\x00\x00\x00\x00AVI LIST", None),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d", None),
        (b"#EXTM3U\nhttp:", None),
        (b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00", None),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, kind: Container | None) -> None:
    """A playlist or picture named .wav is not a recording; a recording without a name is one."""
    assert uploads.container(head) is kind


@pytest.mark.rule("T4")
@given(st.binary(max_size=64))
def test_any_bytes_are_told_or_refused(head: bytes) -> None:
    """Broken uploads reach no decoder and raise nothing."""
    assert uploads.container(head) in (*Container, None)


@pytest.mark.rule("T2")
def test_same_content_has_the_same_address_and_nothing_else_has() -> None:
    """Text, voice and settings decide: a new voice renders anew, a repeated text does not."""
    base = content_address.of_speech("Здравствуйте", VOICE)
    assert base == content_address.of_speech("Здравствуйте", Voice("espeak-ng", "ru", 145))
    others = {
        content_address.of_speech("Здравствуйте!", VOICE),
        content_address.of_speech("Здравствуйте", Voice("espeak-ng", "ru", 150)),
        content_address.of_speech("Здравствуйте", Voice("espeak-ng", "ru-lv", 145)),
        content_address.of_speech("Здравствуйте", Voice("piper", "ru", 145)),
        content_address.of_upload("Здравствуйте".encode()),
    }
    assert len(others) == 5
    assert base not in others


@pytest.mark.rule("T2")
def test_keys_say_nothing_but_the_content() -> None:
    """A key can't be guessed from a name or a number, and other formats lie beside it."""
    key = content_address.key(content_address.of_speech("Здравствуйте", VOICE))
    assert key.startswith("speech/")
    assert len(key) == len("speech/") + 64 + len(".wav")
    assert content_address.format_key(key, AudioFormat.ALAW) == key.replace(".wav", ".alaw.wav")
