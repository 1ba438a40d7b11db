"""Recordings in a real S3, which the console reaches by links alone."""

import array
import io
import math
import wave
from typing import Final

from ringback.stack.parts import S3
from runtime.s3_blobs import S3Blobs
from services.console.activities.audio_storage import AudioStorage
from tests.integration.directory.companies import ORGANIZATION

CONVERSATION: Final = f"{ORGANIZATION}/recordings/rec.sales.wav"
MESSAGE: Final = f"{ORGANIZATION}/recordings/vm.anna.mp3"
SECONDS: Final = 170
RATE_HZ: Final = 8_000


def a_conversation() -> bytes:
    """A tone that rises, as long as the talk of the story: more than two pieces of the relay."""
    samples = array.array(
        "h",
        (
            round(8_000 * math.sin(2 * math.pi * (200 + at / RATE_HZ) * at / RATE_HZ))
            for at in range(SECONDS * RATE_HZ)
        ),
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE_HZ)
        written.writeframes(samples.tobytes())
    return file.getvalue()


def blobs_of(s3: S3) -> S3Blobs:
    """What history has: with S3's keys."""
    return S3Blobs(s3.client(), s3.bucket, encryption=False)


def storage_of(s3: S3, *, bucket: str = "") -> AudioStorage:
    """What the console has: without them."""
    return AudioStorage(endpoint=s3.address, bucket=bucket or s3.bucket, region=s3.region)
