"""Measures twenty three-minute voice messages from recording to accepted letter, and plain ffmpeg."""

import asyncio
import hashlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import uvloop

from contracts.dialling import DiallingPolicy
from contracts.directory import ActionKind, DepartmentSaved, Language, OrganizationSaved, Recipient
from contracts.gateway import EndedBy, LegEnded, Outcome, PlayFinished, RecordingFinished, RecordingSpooled
from contracts.ids import Instant, LegId, MediaKey, PlaceId, PlayId, RecordingId
from contracts.message import Fact, type_name
from contracts.queue import DivertReason, PlaceDiverted
from contracts.topics import FACTS
from contracts.voicemail import LetterAccepted
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, at_most, ratio_at_most
from devtools.bench.live import TooSlow
from devtools.bench.machine import Peak
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog

RATE_HZ: Final = 8_000
MESSAGE_S: Final = 180
TEXT: Final = (
    "Добрый день. Я звоню по поводу заказа номер сорок два. Перезвоните мне, пожалуйста, когда вам удобно. "
)
HEADER: Final = ("-f", "alaw", "-ar", str(RATE_HZ), "-ac", "1")
WAIT_S_MAX: Final = 240
WORKERS: Final = 2
PREFIX: Final = "bench/original-"


def measure(bench: Bench) -> list[Figure]:
    """Measure the service on real parts, and ffmpeg alone on the same files, two at a time."""
    count = bench.size(20, 4)
    seconds = bench.size(MESSAGE_S, 30)
    bench.say(f"voicemail: {count} recordings of {seconds} s")
    files = recordings(bench.run / "recordings", count, seconds)
    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(plain, files))
    plainly = time.perf_counter() - began
    settings = bench.fresh_settings(bench.broker) | {
        "RINGBACK_SMTP": bench.smtp.address,
        "RINGBACK_MAIL_FROM": "bench@localhost",
    }
    for number, file in enumerate(files):
        bench.s3.client().put_object(Bucket=bench.s3.bucket, Key=f"{PREFIX}{number}", Body=file.read_bytes())
    service = bench.service("voicemail", settings)
    service.wait_ready()
    bench.say("voicemail: from the recordings to the letters")
    took, largest_bytes = uvloop.run(_delivered(settings, files, service.process.pid))
    service.kill()
    return [
        Figure(
            name=f"voicemail: {count} messages of {seconds} s to letters",
            unit="s",
            measured=took,
            baseline=plainly,
            against="ffmpeg alone on the same A-law files: 16 kHz, dynaudnorm, MP3 of 32 kbit/s, two at a "
            "time",
            goal=ratio_at_most(1.5),
            how="recording_finished appended for all at once, until the last letter_accepted is on the log: "
            "read from S3, checked, measured, levelled, trimmed, stored with checksum, mailed. The service "
            "encodes without LAME's noise shaping, which takes half the time and sounds better at this rate "
            "(PESQ); the baseline with ffmpeg's defaults",
            bound_by="ffmpeg's start and encoding, then the letters: base64 and SMTP in Python on both sides",
        ),
        Figure(
            name="voicemail: the largest process",
            unit="MiB",
            measured=largest_bytes / 1024**2,
            goal=at_most(150),
            how="largest resident memory of the service and of its ffmpeg processes, looked at every 50 ms",
            bound_by="Python with its libraries is some 100 MiB before the first recording",
        ),
    ]


def recordings(folder: Path, count: int, seconds: int) -> list[Path]:
    """Speech in A-law WAV, as a PBX records it; each begins elsewhere, so that no two are the same."""
    folder.mkdir()
    words = TEXT * (seconds // 5 + 2)
    espeak = ["espeak-ng", "-v", "ru", "--stdin", "--stdout"]
    wav = subprocess.run(espeak, input=words.encode(), check=True, capture_output=True).stdout
    to_a_law = ["ffmpeg", "-v", "error", "-ignore_length", "1", "-f", "wav", "-i", "pipe:0"]
    raw = subprocess.run([*to_a_law, *HEADER, "pipe:1"], input=wav, check=True, capture_output=True).stdout
    found = []
    for number in range(count):
        file = folder / f"{number}.wav"
        begin = number * RATE_HZ // 4
        piece = raw[begin : begin + seconds * RATE_HZ]
        to_wav = ["ffmpeg", "-v", "error", *HEADER, "-i", "pipe:0", "-c:a", "copy", str(file)]
        subprocess.run(to_wav, input=piece, check=True)
        found.append(file)
    return found


def plain(file: Path) -> None:
    """The baseline: a plain command."""
    argv = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-threads",
        "1",
        "-i",
        str(file),
        "-ar",
        "16000",
        "-af",
        "dynaudnorm",
    ]
    subprocess.run([*argv, "-c:a", "libmp3lame", "-b:a", "32k", str(file.with_suffix(".mp3"))], check=True)


def _book() -> tuple[Fact, ...]:
    recipient = Recipient(name="Anna", email="anna@volga.example", language=Language.ENGLISH)
    organization = OrganizationSaved(
        organization_id=office.VOLGA,
        version=1,
        name="Volga",
        language=Language.RUSSIAN,
        timezone="Europe/Moscow",
        dialling_policy=DiallingPolicy(),
        administrators=(recipient,),
    )
    department = DepartmentSaved(
        department_id=office.SALES,
        version=1,
        name="Sales",
        pbx_id=office.PBX,
        extension="700",
        lines=(office.LINE,),
        agents=(),
        recipients=(recipient,),
    )
    return organization, department


def _greeted(number: int) -> tuple[Fact, ...]:
    """The facts before a recording: nobody answered, and the greeting was heard."""
    leg_id = LegId(f"leg{number}")
    place_id = PlaceId(f"p.{leg_id}")
    diverted = PlaceDiverted(
        place_id=place_id,
        department_id=office.SALES,
        pbx_id=office.PBX,
        leg_id=leg_id,
        caller=f"+7912{number:07d}",
        line=office.LINE,
        joined_at=Instant(office.MORNING),
        action=ActionKind.VOICEMAIL,
        reason=DivertReason.DEADLINE,
        waited_ms=600_000,
    )
    greeting = PlayId(f"vm.{place_id}.greeting")
    return diverted, PlayFinished(pbx_id=office.PBX, leg_id=leg_id, play_id=greeting, ok=True)


def _recorded(number: int, file: Path) -> tuple[Fact, ...]:
    leg_id = LegId(f"leg{number}")
    recording_id = RecordingId(f"vm.p.{leg_id}.recording")
    original = file.read_bytes()
    digest = hashlib.sha256(original).hexdigest()
    duration_ms = len(original) * 1000 // RATE_HZ
    return (
        RecordingSpooled(
            pbx_id=office.PBX,
            leg_id=leg_id,
            recording_id=recording_id,
            bytes=len(original),
            sha256=digest,
            duration_ms=duration_ms,
        ),
        RecordingFinished(
            pbx_id=office.PBX,
            leg_id=leg_id,
            recording_id=recording_id,
            ok=True,
            key=MediaKey(f"{PREFIX}{number}"),
            bytes=len(original),
            sha256=digest,
            duration_ms=duration_ms,
        ),
        LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.COMPLETED, by=EndedBy.PARTY),
    )


async def _delivered(settings: dict[str, str], files: list[Path], pid: int) -> tuple[float, int]:
    log = KafkaLog(
        kafka_clients.from_environment(settings), prefix=settings["RINGBACK_TOPIC_PREFIX"], client_id="bench"
    )
    await log.start()
    partition = await log.partition_of(FACTS.name, office.VOLGA)
    begun = [*_book(), *(fact for number in range(len(files)) for fact in _greeted(number))]
    await log.append(partition, office.book_records(office.VOLGA, tuple(begun)))
    await asyncio.sleep(3)
    peak = Peak()
    watching = asyncio.create_task(peak.watch(pid))
    recorded = [fact for number, file in enumerate(files) for fact in _recorded(number, file)]
    began = time.perf_counter()
    offset = await log.append(partition, office.book_records(office.VOLGA, tuple(recorded)))
    await _letters(log, partition, offset, len(files))
    seconds = time.perf_counter() - began
    watching.cancel()
    await asyncio.wait((watching,))
    await log.stop()
    return seconds, peak.largest_bytes


async def _letters(log: KafkaLog, partition: int, offset: int, wanted: int) -> None:
    accepted = type_name(LetterAccepted).encode()
    deadline = time.monotonic() + WAIT_S_MAX
    while wanted:
        if time.monotonic() > deadline:
            raise TooSlow(f"{wanted} letters were not accepted in {WAIT_S_MAX} s")
        for record in await log.read(partition, offset, records_max=500, wait_ms=200):
            offset = record.offset + 1
            wanted -= dict(record.headers).get("ce_type") == accepted
