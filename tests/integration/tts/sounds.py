"""Measures sound, for the tests of speech."""

import audioop
import io
import subprocess
import wave
from pathlib import Path

import msgspec

from contracts.directory import Language
from services.tts.rules.content_address import Voice

VOICES = {
    Language.RUSSIAN: Voice("espeak-ng", "ru", 145),
    Language.ENGLISH: Voice("espeak-ng", "en-gb", 145),
}


class Measured(msgspec.Struct):
    """Measurements of a canonical WAV; `level` is the RMS of the frames that are not pauses."""

    rate: int
    channels: int
    sample_bytes: int
    duration_ms: int
    level: float
    peak: int


def measured(data: bytes) -> Measured:
    """Open a WAV as any player would, and measure it."""
    with wave.open(io.BytesIO(data)) as file:
        pcm = file.readframes(file.getnframes())
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        assert len(pcm) == file.getnframes() * channels * width
    frames = [audioop.rms(pcm[at : at + 320], 2) for at in range(0, len(pcm), 320)] or [0]
    loud = [level for level in frames if level > max(frames) * 0.02] or [0]
    return Measured(
        rate=rate,
        channels=channels,
        sample_bytes=width,
        duration_ms=len(pcm) // (width * channels) * 1_000 // rate,
        level=(sum(level * level for level in loud) / len(loud)) ** 0.5,
        peak=audioop.max(pcm, 2) if pcm else 0,
    )


def encoded(folder: Path, *arguments: str, name: str, volume: float = 1.0, seconds: float = 3.0) -> bytes:
    """A recording as people upload them: a spoken-like sound (a tone that comes and goes), made by ffmpeg."""
    file = folder / name
    tone = f"aevalsrc={volume}*0.5*sin(300*2*PI*t)*(0.6+0.4*sin(3*2*PI*t)):s=44100:d={seconds}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", tone, *arguments, str(file)],
        check=True,
        timeout=60,
    )
    return file.read_bytes()


def probed(data: bytes, folder: Path) -> str:
    """What ffprobe makes of it: codec, rate, channels."""
    file = folder / "probed"
    file.write_bytes(data)
    show = "stream=codec_name,sample_rate,channels"
    command = ["ffprobe", "-v", "error", "-show_entries", show, "-of", "csv=p=0", str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
