"""A key of audio is an organization's own, or it is not opened."""

import pytest

from contracts import audio_keys
from contracts.ids import OrganizationId
from tests.audio_keys import DIGEST, foreign_recordings, foreign_uploads

VOSTOK = OrganizationId("vostok")


@pytest.mark.rule("O1")
def test_the_own_upload_is_known_by_its_key() -> None:
    """The key that the upload was answered with."""
    assert audio_keys.is_own_upload(VOSTOK, audio_keys.upload_key(VOSTOK, DIGEST))


@pytest.mark.rule("O1")
@pytest.mark.parametrize("key", foreign_uploads("vostok", "yug"))
def test_no_other_key_is_taken_for_an_upload(key: str) -> None:
    """Another organization's, a way around, an address, an encoded one."""
    assert not audio_keys.is_own_upload(VOSTOK, key)


@pytest.mark.rule("O1")
@pytest.mark.parametrize(
    "key",
    [
        audio_keys.recording_key(VOSTOK, DIGEST),
        audio_keys.message_key(VOSTOK, DIGEST, "mp3"),
        audio_keys.message_key(VOSTOK, DIGEST, "original"),
    ],
)
def test_the_own_recordings_are_known_by_their_keys(key: str) -> None:
    """As the gateway stored it, and as voicemail did."""
    assert audio_keys.is_own_recording(VOSTOK, key)


@pytest.mark.rule("O1")
@pytest.mark.parametrize("key", foreign_recordings("vostok", "yug"))
def test_no_other_key_is_taken_for_a_recording(key: str) -> None:
    """Another organization's, a way around, an address, an encoded one."""
    assert not audio_keys.is_own_recording(VOSTOK, key)
