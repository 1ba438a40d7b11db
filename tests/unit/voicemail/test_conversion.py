"""Any bytes in, an MP3 or a reason out (V2, V3, V8). ffmpeg is real here."""

import struct

import pytest

from services.voicemail.activities.conversion import Conversion, Mp3Converter, NotPlayable
from tests.unit.voicemail.sounds import decoded_ms, g711, silence, spoken, voice, wav


async def convert(
    original: bytes, *, speech_ms_min: int = 2_000, duration_ms_max: int = 180_000
) -> Conversion:
    converter = Mp3Converter(at_once_max=1)
    return await converter.convert(original, speech_ms_min=speech_ms_min, duration_ms_max=duration_ms_max)


@pytest.mark.rule("V3")
async def test_the_silence_at_both_ends_is_trimmed_and_the_speech_kept() -> None:
    """Nobody waits through the silence before a message; nobody misses its first word."""
    sound = await convert(spoken())
    assert sound.voiced_ms == pytest.approx(4_000, abs=100)
    assert sound.speech_ms == pytest.approx(4_400, abs=100)
    assert decoded_ms(sound.mp3) == pytest.approx(sound.speech_ms, abs=150)
    assert sound.mark == ""


@pytest.mark.rule("V3")
async def test_a_quiet_message_is_brought_to_an_even_level() -> None:
    """A soft voice is speech, too."""
    quiet, loud = [
        await convert(wav(silence(500) + voice(3_000, level=level) + silence(500))) for level in (0.02, 0.5)
    ]
    assert quiet.voiced_ms == pytest.approx(3_000, abs=150)
    assert quiet.speech_ms == pytest.approx(loud.speech_ms, abs=150)


@pytest.mark.rule("V3")
async def test_the_same_recording_gives_the_same_bytes() -> None:
    """A repeated upload is then the same object."""
    assert (await convert(spoken())).mp3 == (await convert(spoken())).mp3


@pytest.mark.rule("V2")
@pytest.mark.parametrize(
    "samples",
    [
        silence(12_000),
        silence(3_000) + voice(1_500) + silence(3_000),
        voice(500) + silence(9_000) + voice(500),
    ],
    ids=["silence", "one word", "two clicks far apart"],
)
async def test_less_than_two_seconds_of_speech_make_no_mp3(samples: list[int]) -> None:
    """Only speech counts, however long the silence around it."""
    assert (await convert(wav(samples))).mp3 == b""


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR") + bytes(200)
ABSURD = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + b"\xff" * 16 + b"data\x10\0\0\0" + bytes(16)
PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\nhttp://127.0.0.1:1/a.ts\n"


@pytest.mark.rule("V8")
@pytest.mark.parametrize(
    ("original", "reason"),
    [
        (b"", "empty"),
        (wav([]), "a header and no sound"),
        (wav(voice(3_000))[:30], "a header and no sound"),
        (PNG, "no audio"),
        (PLAYLIST, "no audio"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "no audio"),
        (b"<html>503</html>", "no audio"),
        (ABSURD, "ffmpeg ended"),
        (b"OggS" + bytes(400), "ffmpeg ended"),
        (b"fLaC" + b"\xff" * 400, "ffmpeg ended"),
        (b"\xff\xfb" + b"\x00" * 400, "ffmpeg ended"),
    ],
    ids=["0 bytes", "header only", "half a header", "picture", "playlist", "concat", "html", "absurd format",
         "ogg of zeros", "flac of ones", "mp3 of zeros"],
)  # fmt: skip
async def test_what_is_no_audio_is_refused_with_the_reason(original: bytes, reason: str) -> None:
    """No file that it names is opened, and no process of ours fails."""
    with pytest.raises(NotPlayable, match=reason) as refused:
        await convert(original)
    assert "/tmp" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.rule("V8")
@pytest.mark.parametrize(
    "original",
    [wav(voice(4_000), data_bytes=0), wav(voice(4_000), data_bytes=2**31), wav(voice(8_000))[: 4_000 * 16]],
    ids=["sizes 0", "sizes too large", "truncated"],
)
async def test_a_damaged_recording_is_saved_as_far_as_it_goes_and_marked(original: bytes) -> None:
    """A recorder that died has recorded the message up to then (EC-63)."""
    sound = await convert(original)
    assert sound.speech_ms == pytest.approx(4_000, abs=200)
    assert sound.mark == "damaged"


@pytest.mark.rule("V8")
async def test_a_recording_beyond_the_maximum_is_kept_up_to_it_and_marked() -> None:
    """An absurdly long recording costs no more than a long one."""
    sound = await convert(wav(voice(20_000)), duration_ms_max=5_000)
    assert sound.speech_ms == pytest.approx(5_000, abs=200)
    assert sound.mark == "too_long"


@pytest.mark.rule("V1")
async def test_a_recording_of_exactly_the_maximum_is_not_called_too_long() -> None:
    """A PBX may close a recording a moment late."""
    assert (await convert(wav(voice(5_300)), duration_ms_max=5_000)).mark == ""


CONVERSATION = silence(700) + voice(1_100) + silence(150) + voice(1_100) + silence(600)
CONVERSATION += voice(1_100) + silence(900)
"""Pauses of 150 and 600 ms: the first belongs to the speech around it, the second does not."""


@pytest.mark.rule("V2", "V3")
@pytest.mark.parametrize("codec", ["pcm_alaw", "pcm_mulaw"])
async def test_what_phones_send_is_measured_as_ffmpeg_measures_it(codec: str) -> None:
    """The same message counts and is cut in the same way, whatever format a PBX records in."""
    for level, abs_ms in ((0.3, 40), (0.02, 250)):
        samples = [round(sample * level / 0.3) for sample in CONVERSATION]
        quick, thorough = await convert(g711(wav(samples), codec)), await convert(wav(samples))
        assert quick.voiced_ms == pytest.approx(thorough.voiced_ms, abs=abs_ms)
        assert quick.speech_ms == pytest.approx(thorough.speech_ms, abs=abs_ms)
        assert decoded_ms(quick.mp3) == pytest.approx(decoded_ms(thorough.mp3), abs=abs_ms + 40)
        assert quick.voiced_ms == pytest.approx(3_450, abs=abs_ms + 40)


@pytest.mark.rule("V8")
@pytest.mark.parametrize(
    ("original", "length_ms"),
    [
        (g711(wav(voice(6_000)))[: 58 + 4_000 * 8], 4_000),
        (g711(wav(voice(4_000))).replace(struct.pack("<4sI", b"data", 32_000), b"data\0\0\0\0"), 4_000),
    ],
    ids=["truncated", "size 0"],
)
async def test_a_damaged_recording_of_a_phone_is_saved_as_far_as_it_goes_and_marked(
    original: bytes, length_ms: int
) -> None:
    """It is damaged like any other recording that was cut off (EC-63)."""
    sound = await convert(original)
    assert sound.speech_ms == pytest.approx(length_ms, abs=20)
    assert sound.mark == "damaged"


@pytest.mark.rule("V3")
async def test_a_recording_whose_writer_could_not_go_back_is_whole() -> None:
    """A streamed WAV has no size in its header, and is not damaged."""
    streamed = g711(wav(voice(4_000))).replace(struct.pack("<4sI", b"data", 32_000), b"data\xff\xff\xff\xff")
    sound = await convert(streamed)
    assert (sound.speech_ms, sound.mark) == (4_000, "")


@pytest.mark.rule("V8")
async def test_a_phones_recording_beyond_the_maximum_is_kept_up_to_it_and_marked() -> None:
    """It is marked as too long like any other; a recording of exactly the maximum is not."""
    long = await convert(g711(wav(voice(20_000))), duration_ms_max=5_000)
    assert (long.speech_ms, long.mark) == (5_000, "too_long")
    assert (await convert(g711(wav(voice(5_300))), duration_ms_max=5_000)).mark == ""


@pytest.mark.rule("V2")
@pytest.mark.parametrize(
    "samples",
    [[], silence(9_000), voice(500) + silence(9_000), [0, 8_000]],
    ids=["nothing", "silence", "one word", "two samples"],
)
async def test_a_phones_recording_without_two_seconds_of_speech_makes_no_mp3(samples: list[int]) -> None:
    """Even with the line's own noise, and down to two samples."""
    noise = [index * 7919 % 120 - 60 for index in range(len(samples))]
    noisy = [sample + each for sample, each in zip(samples, noise, strict=True)]
    if not noisy:
        with pytest.raises(NotPlayable, match="a header and no sound"):
            await convert(g711(wav(noisy)))
    else:
        assert (await convert(g711(wav(noisy)))).mp3 == b""


@pytest.mark.rule("V2")
async def test_a_department_that_wants_every_message_still_gets_none_of_silence() -> None:
    """Without speech there is nothing to keep."""
    assert (await convert(g711(wav(silence(3_000))), speech_ms_min=0)).mp3 == b""


def stale(sound: bytes, claimed_ms: int, bytes_per_ms: int) -> bytes:
    """A WAV whose header was last written when the file was shorter, because its recorder died."""
    at = sound.find(b"data") + 4
    return sound[:at] + struct.pack("<I", claimed_ms * bytes_per_ms) + sound[at + 4 :]


SPEECH = wav(silence(500) + voice(5_000) + silence(1_000))
TEXT = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf59.16.100\0"
CHAINS = {
    "a text": TEXT,
    "two chunks": TEXT + b"id3 " + struct.pack("<I", 10) + bytes(10),
    "one of the writer's own": b"XyZ!" + struct.pack("<I", 3) + b"abc\0",
    "a text that was cut": TEXT[:20],
    "padding": bytes(3),
}


@pytest.mark.rule("V8")
@pytest.mark.parametrize("claimed_ms", [1, 20, 1_900, 3_333])
@pytest.mark.parametrize("codec", ["pcm", "alaw", "mulaw"])
async def test_p15_a_header_that_says_less_than_is_there_loses_nothing(codec: str, claimed_ms: int) -> None:
    """A header is only a claim: once 1.9 s of 5.5 were read, counted as silence, and the message was lost."""
    if codec == "pcm":
        sound = stale(SPEECH, claimed_ms, 16)
    else:
        sound = stale(g711(SPEECH, f"pcm_{codec}"), claimed_ms, 8)
    found = await convert(sound)
    assert found.speech_ms == pytest.approx(5_400, abs=100)
    assert found.mark == "damaged"


@pytest.mark.rule("V8")
@pytest.mark.parametrize("chunks", CHAINS.values(), ids=CHAINS)
async def test_p15_what_stands_behind_the_sound_is_not_heard(chunks: bytes) -> None:
    """A chain of chunks up to the file's end is not sound, and such a file is not damaged."""
    for sound in (SPEECH, g711(SPEECH)):
        found, plain = await convert(sound + chunks), await convert(sound)
        assert (found.speech_ms, found.voiced_ms, found.mark) == (plain.speech_ms, plain.voiced_ms, "")


@pytest.mark.rule("V8")
async def test_p15_a_header_that_says_more_than_is_there_is_read_to_its_end() -> None:
    """It is converted as far as it goes."""
    for sound, bytes_per_ms in ((SPEECH, 16), (g711(SPEECH), 8)):
        found = await convert(stale(sound, 60_000, bytes_per_ms))
        assert found.speech_ms == pytest.approx(5_400, abs=100)
        assert found.mark == "damaged"


@pytest.mark.rule("V8")
async def test_p15_a_header_of_64_bits_is_believed_as_far_as_it_is_true() -> None:
    """RF64 has its sizes in a chunk of its own."""
    samples = SPEECH[44:]
    for claimed, mark in ((len(samples), ""), (len(samples) // 3, "damaged")):
        sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, claimed, 0, 0)
        head = b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + SPEECH[12:36]
        found = await convert(head + b"data" + b"\xff" * 4 + samples + (TEXT if not mark else b""))
        assert found.mark == mark
        assert found.speech_ms == pytest.approx(5_400, abs=100)


@pytest.mark.rule("V8")
async def test_p16_a_header_whose_chunks_do_not_fit_is_refused_and_not_called_silence() -> None:
    """An odd chunk without its pad byte: everything after it is read at the wrong place."""
    with pytest.raises(NotPlayable):
        await convert(SPEECH[:36] + b"LIST" + struct.pack("<I", 5) + b"INFOx" + SPEECH[36:])
