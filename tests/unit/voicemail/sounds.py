"""Recordings that the tests make: what people say to machines, and how machines record it.

Whoever speaks here is espeak-ng; a tone is never taken for a voice.
"""

import asyncio
import audioop
import email
import email.policy
import functools
import math
import struct
import subprocess
from email.message import EmailMessage

from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult, Verdict

RATE_HZ = 8_000


MESSAGES = {
    "ru": "Здравствуйте это Анна Петрова из компании Ромашка перезвоните мне пожалуйста насчёт заказа номер "
    "сорок два я не получила накладную мой телефон девятьсот шестнадцать сто двадцать три сорок пять",
    "en": "Hello this is John Smith from Acme please call me back about order number forty two I have not "
    "received the invoice my number is four nine five one two three four five six seven thank you very much",
}
"""Without a comma, at which the voice would pause."""


@functools.cache
def said(name: str = "ru", text: str = "") -> bytes:
    """What a voice of espeak's says, in PCM as phones have it, without silence at its ends."""
    argv = ["espeak-ng", "-v", name, "-s", "150", "-b", "1", "--stdin", "--stdout"]
    words = text or MESSAGES[name[:2]]
    spoken = subprocess.run(argv, input=words.encode(), capture_output=True, check=True).stdout
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L"]
    trimmed = ["silence", "1", "0.01", "1%", "reverse", "silence", "1", "0.01", "1%", "reverse"]
    sox = ["sox", "-V1", "-D", *raw, "-r", "22050", "-", *raw, "-r", str(RATE_HZ), "-", *trimmed]
    return subprocess.run(sox, input=spoken[44:], capture_output=True, check=True).stdout


def voice(duration_ms: int, *, level: float = 0.3, name: str = "ru") -> list[int]:
    """Somebody who speaks without a pause, again and again the same; `level` is the peak of full scale."""
    samples = [sample for (sample,) in struct.iter_unpack("<h", said(name))]
    count = duration_ms * RATE_HZ // 1000
    piece = (samples * (count // len(samples) + 1))[:count]
    factor = 32_767 * level / max(map(abs, samples))
    return [round(sample * factor) for sample in piece]


def tone(duration_ms: int, *frequencies: int, level: float = 0.3) -> list[int]:
    """Sines together, as tones of a network; by default Russia's and Germany's."""
    count = duration_ms * RATE_HZ // 1000
    heard = frequencies or (425,)
    share = 32_767 * level / len(heard)
    return [
        round(sum(share * math.sin(2 * math.pi * each * n / RATE_HZ) for each in heard)) for n in range(count)
    ]


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
    return g711(wav(silence(1_000) + voice(4_000) + silence(2_000)))


def g711(sound: bytes, codec: str = "pcm_alaw") -> bytes:
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
    """A mail server behind the port: answers as told, by default accepts, and keeps accepted letters."""

    def __init__(self, *answers: SendResult) -> None:
        self._answers = list(answers)
        self.letters: list[EmailMessage] = []
        self.asked = 0

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        """The next answer."""
        self.asked += 1
        await asyncio.sleep(0)
        answer = (
            self._answers.pop(0) if self._answers else SendResult(verdict=Verdict.ACCEPTED, text="250 kept")
        )
        if answer.verdict is Verdict.ACCEPTED or answer.is_answer_lost:
            found = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
            assert isinstance(found, EmailMessage)
            self.letters.append(found)
        return answer
