"""What is rendered is named by its content: same text, voice and settings, same object (T2)."""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from contracts.ids import MediaKey

FORMAT_VERSION: Final = "1"
"""Raise it when the way from an engine's sound to the canonical form changes: everything is made anew."""


class Voice(msgspec.Struct, frozen=True):
    """Who speaks and how: part of the address of all that is spoken."""

    engine: str
    name: str
    words_per_minute: int


class Form(StrEnum):
    """Other forms of the canonical audio, for PBXs that want them."""

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
    """The content address of a sound that is no speech."""
    return _address("sound", FORMAT_VERSION, name)


def of_all(addresses: tuple[str, ...]) -> str:
    """The fingerprint of many, in order."""
    return _address("all", *addresses)


def key(address: str) -> MediaKey:
    """Where a rendering lies in the bucket."""
    return MediaKey(f"speech/{address}.wav")


def form_key(canonical: MediaKey, form: Form) -> MediaKey:
    """Where another form of an object lies, beside the canonical one."""
    return MediaKey(f"{canonical.removesuffix('.wav')}.{form}.wav")


def _address(*parts: str) -> str:
    # Each part with its length, so that no two rows of parts are the same bytes.
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()
