"""Speech or not: who speaks is heard, and no tone makes a letter (V2).

The table is of voices, distances and disturbances against everything else that lies in recordings. All of
it is made here: the voices by espeak-ng, the rest by sox.
"""

import audioop
import functools
import subprocess
from collections.abc import Callable

import pytest

from services.voicemail.activities import speech_detection
from services.voicemail.activities.conversion import Conversion, Mp3Converter
from tests.unit.voicemail.sounds import MESSAGES, g711, said, silence, voice, wav

RAW = ("-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", "8000", "-L")
LEAD_MS = 500
VOICES = ("ru", "ru+f2", "ru+m3", "ru+f4", "ru+m7", "en-gb", "en-us", "en+f2", "en+m3", "en+f4")
MISSED_MAX = 0.02
NEAR, FAR, VERY_QUIET = -18, -38, -42
TONES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "RU dial": ((425,), ()),
    "RU ringback": ((425,), (1_000, 4_000)),
    "RU busy": ((425,), (350, 350)),
    "RU congestion": ((425,), (175, 175)),
    "US dial": ((350, 440), ()),
    "US ringback": ((440, 480), (2_000, 4_000)),
    "US busy": ((480, 620), (500, 500)),
    "US congestion": ((480, 620), (250, 250)),
    "UK dial": ((350, 450), ()),
    "UK ringback": ((400, 450), (400, 200, 400, 2_000)),
    "UK busy": ((400,), (375, 375)),
    "UK congestion": ((400,), (400, 350, 225, 525)),
    "DE dial": ((425,), ()),
    "DE ringback": ((425,), (1_000, 4_000)),
    "DE busy": ((425,), (480, 480)),
    "DE congestion": ((425,), (240, 240)),
    "FR dial": ((440,), ()),
    "FR ringback": ((440,), (1_500, 3_500)),
    "FR busy": ((440,), (500, 500)),
    "FR congestion": ((440,), (250, 250)),
    "fax calls": ((1_100,), (500, 3_000)),
    "fax answers": ((2_100,), ()),
    "beeps": ((1_000,), (500, 1_000)),
    "keys": ((770, 1_336), (200, 100)),
}
"""ITU-T E.180, supplement 2: frequencies in Hz, and how long they are on and off in ms."""
EVERY = 400
"""Frames of a tone that is on all the time, in ms."""


def sox(*arguments: str, pcm: bytes = b"") -> bytes:
    """PCM at 8 kHz from sox; -R makes its noise the same in every run."""
    argv = ["sox", "-V1", "-R", "-D", *(RAW if pcm else ()), "-" if pcm else "-n", *RAW, "-", *arguments]
    return subprocess.run(argv, input=pcm, capture_output=True, check=True).stdout


@functools.cache
def made(seconds: int, *kind: str) -> bytes:
    """Noise and waves."""
    return sox("synth", str(seconds), *kind)


def at_level(pcm: bytes, dbfs: float) -> bytes:
    """Bring its loud parts to this RMS."""
    levels = [audioop.rms(pcm[at : at + 320], 2) for at in range(0, len(pcm), 320)]
    loud = [level for level in levels if level > 0.05 * max(levels)]
    mean = (sum(level * level for level in loud) / len(loud)) ** 0.5
    return audioop.mul(pcm, 2, 32_768 * 10 ** (dbfs / 20) / mean)


def mixed(pcm: bytes, *others: bytes) -> bytes:
    """With others beside it, repeated as long as it lasts."""
    for other in others:
        pcm = audioop.add(pcm, (other * (len(pcm) // len(other) + 1))[: len(pcm)], 2)
    return pcm


def quiet(duration_ms: int) -> bytes:
    return bytes(16 * duration_ms)


def of_line(pcm: bytes) -> bytes:
    """As a line carries it."""
    return audioop.alaw2lin(audioop.lin2alaw(pcm, 2), 2)


def speech_intervals(pcm: bytes) -> list[tuple[int, int]]:
    frames = len(pcm) // speech_detection.FRAME_BYTES
    return speech_detection.speech_intervals(
        lambda a, b: pcm[a * speech_detection.FRAME_BYTES : b * speech_detection.FRAME_BYTES], frames
    )


def hum(mains: int, dbfs: float) -> bytes:
    """The mains with what transformers add to them."""
    waves = [at_level(made(2, "sine", str(mains * n)), dbfs - fall) for n, fall in ((1, 0), (3, 9), (5, 12))]
    return mixed(waves[0], *waves[1:])


def distant(pcm: bytes) -> bytes:
    """A voice across a room: echoes and few high frequencies."""
    return at_level(sox("reverb", "50", "lowpass", "2500", pcm=pcm), FAR)


DISTURBED: dict[str, Callable[[bytes], bytes]] = {
    "near": lambda pcm: at_level(pcm, NEAR),
    "far": distant,
    "very quiet": lambda pcm: at_level(pcm, VERY_QUIET),
    "white noise, 20 dB below": lambda pcm: mixed(at_level(pcm, NEAR), at_level(made(4, "whitenoise"), -38)),
    "white noise, 10 dB below": lambda pcm: mixed(at_level(pcm, NEAR), at_level(made(4, "whitenoise"), -28)),
    "pink noise, 10 dB below": lambda pcm: mixed(at_level(pcm, NEAR), at_level(made(4, "pinknoise"), -28)),
    "brown noise, 10 dB below": lambda pcm: mixed(at_level(pcm, NEAR), at_level(made(4, "brownnoise"), -28)),
    "hum of 50 Hz": lambda pcm: mixed(at_level(pcm, NEAR), hum(50, -24)),
    "hum of 60 Hz": lambda pcm: mixed(at_level(pcm, NEAR), hum(60, -24)),
    "offset": lambda pcm: audioop.bias(at_level(pcm, NEAR), 2, 2_500),
    "quiet with an offset": lambda pcm: audioop.bias(at_level(pcm, FAR), 2, 2_500),
}


@pytest.mark.rule("V2")
@pytest.mark.parametrize("disturbance", DISTURBED)
@pytest.mark.parametrize("name", VOICES)
def test_p13_who_speaks_is_heard(name: str, disturbance: str) -> None:
    """Less than 2 % of speech is missed, whoever speaks and whatever else is on the line."""
    clean = at_level(said(name), NEAR)
    levels = [audioop.rms(clean[at : at + 320], 2) for at in range(0, len(clean) - 319, 320)]
    spoken = [frame for frame, level in enumerate(levels) if level > 0.03 * max(levels)]
    line = of_line(quiet(LEAD_MS) + DISTURBED[disturbance](said(name)) + quiet(LEAD_MS))
    found = speech_intervals(line)
    missed = [
        frame
        for frame in spoken
        if not any(since <= LEAD_MS + frame * speech_detection.FRAME_MS < until for since, until in found)
    ]
    assert len(missed) < MISSED_MAX * len(spoken)


def a_tone(name: str, dbfs: float, duration_ms: int = 8_000) -> bytes:
    frequencies, cadence = TONES[name]
    waves = [made(4, "sine", str(frequency)) for frequency in frequencies]
    both = at_level(functools.reduce(lambda one, other: audioop.add(one, other, 2),
                                     [audioop.mul(wave, 2, 0.4) for wave in waves]), dbfs)  # fmt: skip
    sound, is_on = b"", True
    while len(sound) < 16 * duration_ms:
        for part_ms in cadence or (EVERY,):
            sound += both[: 16 * part_ms] if is_on or not cadence else quiet(part_ms)
            is_on = not is_on
    return sound[: 16 * duration_ms]


@pytest.mark.rule("V2")
@pytest.mark.parametrize("dbfs", [-10, -20, -30])
@pytest.mark.parametrize("name", TONES)
def test_p13_no_tone_is_speech(name: str, dbfs: int) -> None:
    """Not one second of five countries' tones, loud or quiet, on a clean line or in noise."""
    tone = a_tone(name, dbfs)
    for line in (
        tone,
        mixed(tone, at_level(made(4, "pinknoise"), dbfs - 30)),
        mixed(tone, at_level(made(4, "whitenoise"), dbfs - 25)),
    ):
        assert sum(until - since for since, until in speech_intervals(of_line(line))) < 1_000


OTHERS = {
    "nothing": quiet(8_000),
    "an offset": audioop.bias(quiet(8_000), 2, 3_000),
    "an offset and the line's noise": audioop.bias(at_level(made(8, "pinknoise"), -50), 2, 3_000),
    "hum of 50 Hz": hum(50, -10) * 4,
    "hum of 60 Hz": hum(60, -20) * 4,
    "a rectifier at 50 Hz": at_level(made(8, "square", "50"), -20),
    "a dimmer at 60 Hz": at_level(made(8, "sawtooth", "60"), -20),
    "white noise": at_level(made(8, "whitenoise"), -20),
    "pink noise": at_level(made(8, "pinknoise"), -20),
    "brown noise": at_level(made(8, "brownnoise"), -30),
    "breath": at_level(made(8, "pinknoise", "tremolo", "0.35", "95", "bandpass", "1200", "1500"), -20),
    "quiet breath": at_level(made(8, "pinknoise", "tremolo", "0.35", "95", "bandpass", "1200", "1500"), -40),
    "a melody of sinuses": b"".join(
        at_level(made(1, "sine", str(note)), -16) for note in (262, 330, 392, 523, 494, 392, 330, 294)
    ),
}


@pytest.mark.rule("V2")
@pytest.mark.parametrize("other", OTHERS)
def test_p13_hum_offset_noise_and_breath_are_no_speech(other: str) -> None:
    """Loud sound that is not speech."""
    assert sum(until - since for since, until in speech_intervals(of_line(OTHERS[other]))) < 1_000


def test_p13_who_speaks_over_music_is_heard() -> None:
    """Music counts as speech: a letter too many is better than one too few."""
    notes = [sox("synth", "2", "pluck", note) for note in ("C3", "E3", "G3", "C4")]
    music = at_level(mixed(notes[0], *notes[1:]), -34)
    found = speech_intervals(of_line(mixed(at_level(said("ru"), NEAR), music)))
    assert sum(until - since for since, until in found) > 0.9 * len(said("ru")) / 16


async def heard(recording: bytes) -> Conversion:
    """What the converter makes of a recording."""
    return await Mp3Converter(at_once_max=1).convert(recording, speech_ms_min=2_000, duration_ms_max=180_000)


def a_wav(pcm: bytes) -> bytes:
    return wav(memoryview(pcm).cast("h").tolist())


@pytest.mark.rule("V2")
@pytest.mark.parametrize("name", ["RU busy", "RU congestion", "RU dial", "US busy", "UK ringback", "FR busy"])
async def test_p13_the_tones_of_an_exchange_make_no_letter(name: str) -> None:
    """A caller who hangs up on an analogue line leaves busy tones, about which nobody wants letters."""
    for recording in (a_wav(a_tone(name, -16)), g711(a_wav(a_tone(name, -16)))):
        assert (await heard(recording)).mp3 == b""


@pytest.mark.rule("V2", "V3")
@pytest.mark.parametrize("name", ["RU busy", "RU congestion", "RU dial", "US busy", "DE busy"])
async def test_p13_words_before_the_tones_are_kept_and_the_tones_are_not(name: str) -> None:
    """Speech is a message whatever follows it, and nobody has to listen to what follows."""
    words = wav(silence(500) + voice(4_000))[44:]
    found = await heard(g711(a_wav(words + a_tone(name, -16, 6_000))))
    assert found.mp3
    assert found.speech_ms == pytest.approx(4_400, abs=400)


@pytest.mark.rule("V2")
async def test_p13_a_word_before_the_tones_is_too_short_for_a_message() -> None:
    """The tones do not make it longer."""
    words = wav(silence(500) + voice(1_200))[44:]
    assert (await heard(g711(a_wav(words + a_tone("RU busy", -16, 6_000))))).mp3 == b""


def test_p13_an_hour_is_listened_to_in_blocks() -> None:
    """Speech across the edge of two blocks is one interval."""
    block_ms = speech_detection.BLOCK_FRAMES * speech_detection.FRAME_MS
    text = MESSAGES["ru"]
    words = at_level(said("ru", text), NEAR)
    before_ms = block_ms - len(words) // 32
    found = speech_intervals(of_line(quiet(before_ms) + words + quiet(block_ms)))
    ((since_ms, until_ms),) = found
    assert since_ms == pytest.approx(before_ms, abs=60)
    assert until_ms == pytest.approx(before_ms + len(words) / 16, abs=120)
