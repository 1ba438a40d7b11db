"""A rendering is named by its content: the same text, voice and settings give the same object (T2)."""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from contracts.ids import MediaKey

FORMAT_VERSION: Final = "1"
"""Raise it when sound is brought to the canonical form in another way: everything is made anew."""


class Voice(msgspec.Struct, frozen=True):
    """An engine, its voice and the pace: part of the address of all speech."""

    engine: str
    name: str
    words_per_minute: int


class AudioFormat(StrEnum):
    """Formats beside the canonical one, for PBXs that want them."""

    ALAW = "alaw"
    ULAW = "ulaw"
    WIDE = "wide"


def of_speech(text: str, voice: Voice) -> str:
    """The content address of a spoken text: SHA-256, in hex."""
    return _address("speech", FORMAT_VERSION, voice.engine, voice.name, str(voice.words_per_minute), text)


def of_upload(audio: bytes) -> str:
    """The content address of an upload in the canonical form."""
    return _address("upload", FORMAT_VERSION, hashlib.sha256(audio).hexdigest())


def of_sound(name: str) -> str:
    """The content address of a sound that is not speech."""
    return _address("sound", FORMAT_VERSION, name)


def of_all(addresses: tuple[str, ...]) -> str:
    """One address of many, in their order."""
    return _address("all", *addresses)


def key(address: str) -> MediaKey:
    """A rendering's key in the bucket."""
    return MediaKey(f"speech/{address}.wav")


def format_key(canonical: MediaKey, audio_format: AudioFormat) -> MediaKey:
    """The key of another format of an object, beside the canonical one."""
    return MediaKey(f"{canonical.removesuffix('.wav')}.{audio_format}.wav")


def _address(*parts: str) -> str:
    # Each part comes with its length, so that different parts never join to the same bytes.
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()
