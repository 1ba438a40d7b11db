"""Recordings made by the tests themselves: what people say to machines, and what machines make of it."""

import asyncio
import audioop
import email
import email.policy
import functools
import math
import struct
import subprocess
from email.message import EmailMessage

from runtime.mail.answers import Answer, Verdict
from runtime.mail.mailer import Sendable

RATE_HZ = 8_000


def tone(duration_ms: int, *, level: float = 0.3) -> list[int]:
    """Something to hear, as loud as speech (`level` of full scale)."""
    count = duration_ms * RATE_HZ // 1000
    return [int(32767 * level * math.sin(2 * math.pi * 440 * n / RATE_HZ)) for n in range(count)]


def silence(duration_ms: int) -> list[int]:
    """Nothing to hear."""
    return [0] * (duration_ms * RATE_HZ // 1000)


def wav(samples: list[int], *, data_bytes: int | None = None) -> bytes:
    """PCM16 as WAV; `data_bytes` is what its header claims, if it lies."""
    data = struct.pack(f"<{len(samples)}h", *samples)
    claimed = len(data) if data_bytes is None else data_bytes
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + claimed)
        + b"WAVE"
        + fmt
        + b"data"
        + struct.pack("<I", claimed)
        + data
    )


@functools.cache
def spoken() -> bytes:
    """A message of four seconds between a second of silence before and two after it, in A-law WAV."""
    return companded(wav(silence(1_000) + tone(4_000) + silence(2_000)))


def companded(sound: bytes, codec: str = "pcm_alaw") -> bytes:
    """What a PBX would have recorded of a WAV: one byte a sample."""
    header, samples = sound[:44], sound[44:]
    form = {"pcm_alaw": 6, "pcm_mulaw": 7}[codec]
    convert = audioop.lin2alaw if codec == "pcm_alaw" else audioop.lin2ulaw
    data = convert(samples, 2)
    fmt = struct.pack("<4sIHHIIHHH", b"fmt ", 18, form, 1, RATE_HZ, RATE_HZ, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(data))
    chunks = b"WAVE" + fmt + fact + struct.pack("<4sI", b"data", len(data)) + data
    return header[:4] + struct.pack("<I", len(chunks)) + chunks


def decoded_ms(mp3: bytes) -> int:
    """How long an MP3 plays, by decoding it."""
    argv = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "mp3",
        "-i",
        "pipe:0",
        "-f",
        "s16le",
        "-ar",
        "8000",
        "-ac",
        "1",
        "pipe:1",
    ]
    pcm = subprocess.run(argv, input=mp3, capture_output=True, check=True).stdout
    return len(pcm) * 1000 // (2 * 8000)


class PostOffice:
    """A mail server's side of the port: answers as told, keeps what it took; by default it takes all."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.letters: list[EmailMessage] = []
        self.asked = 0

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> Answer:
        """The next answer."""
        self.asked += 1
        await asyncio.sleep(0)
        answer = self._answers.pop(0) if self._answers else Answer(verdict=Verdict.ACCEPTED, text="250 kept")
        if answer.verdict is Verdict.ACCEPTED or answer.is_answer_lost:
            found = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
            assert isinstance(found, EmailMessage)
            self.letters.append(found)
        return answer
