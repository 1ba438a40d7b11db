"""Measures notices: a rendered one, a new one of fifteen seconds, and fifty requests for the same new one."""

import asyncio
import secrets
import subprocess
import time
from collections.abc import Sequence
from typing import Final

import uvloop

from contracts.codec import Envelope
from contracts.directory import Language
from contracts.ids import Instant, NoticeId, OrganizationId
from contracts.message import Fact
from contracts.tts import NoticeRendered, RenderNotice
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, at_most, median, ratio_at_most
from runtime.edge import Heard, Said
from runtime.ports import Blobs
from runtime.s3_blobs import S3Blobs, connected
from runtime.system_clock import SystemClock
from services.tts.activities.engine import EspeakNg, Sound
from services.tts.activities.notice_handler import NoticeHandler
from services.tts.activities.renderer import Renderer
from services.tts.rules.content_address import Voice
from services.tts.settings import Settings

TEXT: Final = (
    "Здравствуйте, вы позвонили в компанию «Волга». Все сотрудники отдела продаж сейчас разговаривают с "
    "другими "
    "покупателями. Пожалуйста, оставайтесь на линии, и мы обязательно вам ответим. Номер этого объявления"
)
"""With the number that makes it new, this is about fifteen seconds at 145 words a minute."""
AT_ONCE: Final = 50


class Counted(EspeakNg):
    """The engine, with a count of how often it spoke."""

    def __init__(self) -> None:
        super().__init__()
        self.spoke = 0

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Speak, and count."""
        self.spoke += 1
        return await super().speak(text, voice)


class Answered:
    """Replaces the log for an edge: it only keeps the newest answer."""

    def __init__(self) -> None:
        self.last: NoticeRendered | None = None

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Keep the newest answer."""
        for fact in facts:
            assert isinstance(fact, NoticeRendered), fact
            self.last = fact
        return ()


class Speech:
    """The handler of tts on a real bucket, without a log."""

    def __init__(self, blobs: Blobs) -> None:
        self.engine = Counted()
        self.answered = Answered()
        self._number = 0
        renderer = Renderer(blobs=blobs, engine=self.engine, voices=Settings().voices(self.engine.name))
        self._notices = NoticeHandler(renderer=renderer, say=self.answered, clock=SystemClock())

    async def render(self, text: str) -> float:
        """Seconds from the command until it is answered."""
        self._number += 1
        command = RenderNotice(
            notice_id=NoticeId(f"n{self._number}"), version=1, language=Language.RUSSIAN, text=text
        )
        envelope = Envelope(
            id=f"n{self._number}",
            type="speech.render_notice",
            source="directory",
            organization_id=office.VOLGA,
        )
        heard = Heard(message=command, envelope=envelope, partition=0, offset=self._number, at=Instant(0))
        began = time.perf_counter()
        await self._notices.render(heard)
        return time.perf_counter() - began


def fresh_text() -> str:
    """A text that was never requested before."""
    return f"{TEXT} {secrets.randbelow(9_000) + 1_000}."


def plain(text: str) -> float:
    """The baseline, a plain command: espeak-ng into sox, at 8 kHz."""
    began = time.perf_counter()
    espeak = ["espeak-ng", "-v", "ru", "-s", "145", "--stdin", "--stdout"]
    wav = subprocess.run(espeak, input=text.encode(), check=True, capture_output=True).stdout
    sox = [
        "sox",
        "-V1",
        "-t",
        "wav",
        "--ignore-length",
        "-",
        "-t",
        "wav",
        "-r",
        "8000",
        "-c",
        "1",
        "-b",
        "16",
        "-",
    ]
    subprocess.run(sox, input=wav, check=True, capture_output=True)
    return time.perf_counter() - began


def measure(bench: Bench) -> list[Figure]:
    """Measure all three in turns with their baselines."""
    s3 = bench.s3
    blobs = S3Blobs(
        connected(endpoint=s3.address, region=s3.region, access_key=s3.access_key, secret_key=s3.secret_key),
        s3.bucket,
    )
    bench.say("speech: new, cached, and fifty at once")
    return uvloop.run(_figures(blobs, tries=bench.size(15, 3)))


async def _figures(blobs: S3Blobs, *, tries: int) -> list[Figure]:
    speech = Speech(blobs)
    new: list[float] = []
    plainly: list[float] = []
    cached: list[float] = []
    got: list[float] = []
    for _ in range(tries):
        text = fresh_text()
        plainly.append(await asyncio.to_thread(plain, text))
        new.append(await speech.render(text))
        assert speech.answered.last is not None
        key = speech.answered.last.parts[0]
        for _ in range(4):
            cached.append(await speech.render(text))
            began = time.perf_counter()
            assert await blobs.get(key) is not None
            got.append(time.perf_counter() - began)
    spoke = speech.engine.spoke
    text = fresh_text()
    began = time.perf_counter()
    await asyncio.gather(*(speech.render(text) for _ in range(AT_ONCE)))
    at_once = time.perf_counter() - began
    assert speech.answered.last is not None
    lasts_s = speech.answered.last.duration_ms / 1000
    return [
        Figure(
            name="speech: a cached notice",
            unit="ms",
            measured=1000 * median(cached),
            baseline=1000 * median(got),
            against="a GET of the same object from the same S3, by the same client",
            goal=ratio_at_most(2),
            how=f"median of {len(cached)}, from the command to its answer: one HEAD",
            bound_by="one request to S3",
        ),
        Figure(
            name=f"speech: a new notice of {lasts_s:.0f} s",
            unit="ms",
            measured=1000 * median(new),
            baseline=1000 * median(plainly),
            against="espeak-ng and sox on the same text, one after the other",
            goal=ratio_at_most(2),
            how=f"median of {len(new)}: looked for in S3, spoken, resampled, levelled, trimmed, put into S3",
            bound_by="a HEAD before and a checksummed PUT after the same two programs",
        ),
        Figure(
            name=f"speech: {AT_ONCE} requests for one new text, renderings",
            unit="times",
            measured=float(speech.engine.spoke - spoke),
            goal=at_most(1),
            how=f"asked for at the same moment; all were answered after {1000 * at_once:.0f} ms",
            bound_by="who asks while it is being rendered waits for the same rendering",
        ),
    ]
