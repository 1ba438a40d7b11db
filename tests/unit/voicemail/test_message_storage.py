"""A recording is checked, converted, and verified in S3, and this is safe to repeat (V2, V3, V7, V8)."""

import hashlib
import tempfile
from pathlib import Path

import msgspec
import pytest

from contracts.ids import MediaKey, OrganizationId, RecordingId, VoiceMessageId
from contracts.message import Fact
from contracts.voicemail import (
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    MissingReason,
    StoreMessage,
    StoringDeferred,
)
from runtime.memory import MemoryBlobs
from runtime.ports import BlobInfo, BlobsUnavailable
from services.voicemail.activities.conversion import Mp3Converter
from services.voicemail.activities.spool import FetchFailed
from services.voicemail.activities.storage import MessageStorage
from tests.audio_keys import foreign_recordings
from tests.unit.voicemail.sounds import decoded_ms, silence, spoken, voice, wav

VOLGA = OrganizationId("volga")
KEY = MediaKey("volga/recordings/original")
SPOOL = "http://127.0.0.1:9/spool/1"


class AwayBlobs(MemoryBlobs):
    """S3 while it is down."""

    async def put(self, key: str, data: bytes, *, content_type: str = "", once: bool = False) -> None:
        raise BlobsUnavailable("503 Slow Down")

    async def get(self, key: str) -> bytes | None:
        raise BlobsUnavailable("503 Slow Down")

    async def info(self, key: str) -> BlobInfo | None:
        raise BlobsUnavailable("503 Slow Down")


class ForgetfulBlobs(MemoryBlobs):
    """An S3 that accepts a put and keeps half of it."""

    async def put(self, key: str, data: bytes, *, content_type: str = "", once: bool = False) -> None:
        await super().put(key, data[: len(data) // 2], content_type=content_type, once=once)


class Spool:
    """The gateway's spool: the bytes at an address; None: it does not answer."""

    def __init__(self, audio: bytes | None = None, *, is_away: bool = False) -> None:
        self._audio, self._is_away = audio, is_away

    async def __call__(self, url: str) -> bytes | None:
        if self._is_away:
            raise FetchFailed("connection refused")
        return self._audio


def command(
    original: bytes, *, key: MediaKey | None = KEY, spool_url: str = "", tries: int = 1
) -> StoreMessage:
    return StoreMessage(
        voice_message_id=VoiceMessageId("vm.p.leg1"),
        recording_id=RecordingId("vm.p.leg1.recording"),
        key=key,
        spool_url=spool_url,
        sha256=hashlib.sha256(original).hexdigest(),
        bytes=len(original),
        tries=tries,
        speech_ms_min=2_000,
        duration_ms_max=180_000,
    )


async def store(blobs: MemoryBlobs, asked: StoreMessage, spool: Spool | None = None) -> Fact:
    storage = MessageStorage(blobs=blobs, fetch=spool or Spool(), converter=Mp3Converter(at_once_max=1))
    return await storage.store(VOLGA, asked)


def s3_with(original: bytes) -> MemoryBlobs:
    blobs = MemoryBlobs()
    blobs.objects[KEY] = (original, "audio/wav")
    return blobs


@pytest.mark.rule("V3")
async def test_the_original_stays_and_an_mp3_stands_beside_it() -> None:
    """A message that is said to be stored is there, with the reported size and checksum."""
    blobs = s3_with(spoken())
    fact = await store(blobs, command(spoken()))
    assert isinstance(fact, MessageStored)
    assert fact.original_key == KEY
    mp3, content_type = blobs.objects[fact.mp3_key]
    assert (len(mp3), hashlib.sha256(mp3).hexdigest()) == (fact.mp3_bytes, fact.mp3_sha256)
    assert content_type == "audio/mpeg"
    assert decoded_ms(mp3) == pytest.approx(fact.speech_ms, abs=150)


@pytest.mark.rule("V3", "O1")
async def test_a_key_can_not_be_guessed_and_names_nobody() -> None:
    """A key is made of the recording's bytes, so that nobody can guess it, and contains no number."""
    blobs = s3_with(spoken())
    fact = await store(blobs, command(spoken()))
    assert isinstance(fact, MessageStored)
    assert fact.mp3_key.startswith("voice-messages/")
    assert "volga" not in fact.mp3_key
    assert "leg1" not in fact.mp3_key
    assert len(fact.mp3_key.split("/")[-1]) == 64 + len(".mp3")


@pytest.mark.rule("V3")
async def test_storing_twice_is_storing_once() -> None:
    """The same objects, and the same answer."""
    blobs = s3_with(spoken())
    first = await store(blobs, command(spoken()))
    objects = dict(blobs.objects)
    assert await store(blobs, command(spoken())) == first
    assert blobs.objects == objects


@pytest.mark.rule("V7")
async def test_while_s3_is_away_storing_is_deferred_with_the_reason() -> None:
    """A recording is not called stored before it is (EC-62)."""
    fact = await store(AwayBlobs(), command(spoken(), spool_url=SPOOL, tries=3), Spool(spoken()))
    assert isinstance(fact, StoringDeferred)
    assert fact.tries == 3
    assert "503" in fact.reason


@pytest.mark.rule("V3", "V7")
async def test_an_upload_that_s3_did_not_keep_whole_is_deferred() -> None:
    """A put counts only once it is verified."""
    blobs = ForgetfulBlobs()
    blobs.objects[KEY] = (spoken(), "audio/wav")
    assert isinstance(await store(blobs, command(spoken())), StoringDeferred)


@pytest.mark.rule("V7")
async def test_without_a_key_the_recording_is_taken_from_the_spool() -> None:
    """If the gateway could not upload the original, voicemail does."""
    blobs = MemoryBlobs()
    fact = await store(blobs, command(spoken(), key=None, spool_url=SPOOL), Spool(spoken()))
    assert isinstance(fact, MessageStored)
    assert blobs.objects[fact.original_key][0] == spoken()


@pytest.mark.rule("V2", "V7")
async def test_that_nobody_spoke_is_found_out_without_s3() -> None:
    """There is no letter about silence, whatever is down."""
    quiet = wav(silence(8_000))
    fact = await store(AwayBlobs(), command(quiet, key=None, spool_url=SPOOL), Spool(quiet))
    assert isinstance(fact, MessageMissing)
    assert fact.reason is MissingReason.TOO_SHORT


@pytest.mark.rule("V8")
async def test_a_copy_with_a_wrong_checksum_is_replaced_by_the_spools() -> None:
    """Of two copies one is right."""
    blobs = s3_with(spoken()[:9_000])
    fact = await store(blobs, command(spoken(), spool_url=SPOOL), Spool(spoken()))
    assert isinstance(fact, MessageStored)
    assert fact.mark == ""


WRONG_COPIES = {
    "cut short": spoken()[:9_000],
    "of the same size": spoken()[:-1] + b"\x00",
    "somebody else's": wav(voice(3_000)),
    "longer": spoken() + bytes(5_000),
    "empty": b"",
}


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("copy", WRONG_COPIES.values(), ids=WRONG_COPIES)
async def test_m14_a_wrong_copy_waits_for_the_spool_and_is_never_processed(copy: bytes) -> None:
    """While the spool is away it may have the right audio: nothing is decided, and nothing is lost."""
    blobs = s3_with(copy)
    asked = command(spoken(), spool_url=SPOOL)
    assert isinstance(await store(blobs, asked, Spool(is_away=True)), StoringDeferred)
    fact = await store(blobs, asked, Spool(spoken()))
    assert isinstance(fact, MessageStored)
    assert blobs.objects[fact.original_key][0] == spoken()
    assert fact.original_key != KEY
    assert fact.mark == ""


@pytest.mark.rule("V8")
@pytest.mark.parametrize("copy", WRONG_COPIES.values(), ids=WRONG_COPIES)
@pytest.mark.parametrize("spool", [Spool(None), Spool(wav(voice(3_000)))], ids=["gone", "wrong, too"])
async def test_m14_a_wrong_copy_that_nothing_can_replace_is_set_aside_and_told(
    copy: bytes, spool: Spool
) -> None:
    """Nobody gets another recording, or half a message, as this one."""
    blobs = s3_with(copy)
    fact = await store(blobs, command(spoken(), spool_url=SPOOL), spool)
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key == KEY
    assert "checksum" in fact.reason
    assert list(blobs.objects) == [KEY]


@pytest.mark.rule("V8")
async def test_m14_a_wrong_copy_in_the_spool_is_kept_for_whoever_looks_and_not_processed() -> None:
    """The same holds for a disk that has changed its data."""
    blobs = MemoryBlobs()
    fact = await store(blobs, command(spoken(), key=None, spool_url=SPOOL), Spool(wav(voice(3_000))))
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key is not None
    assert blobs.objects[fact.original_key][0] == wav(voice(3_000))


@pytest.mark.rule("V8")
async def test_m14_an_absurdly_large_wrong_copy_is_no_reason_to_give_up() -> None:
    """The size of the recording decides, not what is at its address."""

    class Overgrown(MemoryBlobs):
        async def info(self, key: str) -> BlobInfo | None:
            found = await super().info(key)
            return found and msgspec.structs.replace(found, bytes=2**40)

        async def get(self, key: str) -> bytes | None:
            raise AssertionError("nobody reads a terabyte")

    blobs = Overgrown()
    blobs.objects[KEY] = (b"", "audio/wav")
    asked = command(spoken(), spool_url=SPOOL)
    assert isinstance(await store(blobs, asked, Spool(is_away=True)), StoringDeferred)
    absurd = msgspec.structs.replace(asked, bytes=2**40)
    assert isinstance(await store(blobs, absurd, Spool(is_away=True)), MessageQuarantined)


@pytest.mark.rule("V8")
@pytest.mark.parametrize("original", [b"", b"\x89PNG\r\n\x1a\n" + bytes(99), wav([])])
async def test_what_can_not_be_played_is_set_aside_with_its_reason(original: bytes) -> None:
    """The original stays where it is, for an administrator."""
    blobs = s3_with(original)
    fact = await store(blobs, command(original))
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key == KEY
    assert fact.reason
    assert list(blobs.objects) == [KEY]


@pytest.mark.rule("V8")
async def test_a_spooled_recording_that_can_not_be_played_is_kept_before_it_is_set_aside() -> None:
    """A quarantined original needs S3."""
    asked = command(b"\x89PNG", key=None, spool_url=SPOOL)
    blobs = MemoryBlobs()
    fact = await store(blobs, asked, Spool(b"\x89PNG"))
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key is not None
    assert blobs.objects[fact.original_key][0] == b"\x89PNG"
    assert isinstance(await store(AwayBlobs(), asked, Spool(b"\x89PNG")), StoringDeferred)


@pytest.mark.rule("V8")
async def test_a_recording_that_is_nowhere_is_said_to_be_nowhere() -> None:
    """Only after neither S3 nor the spool has it."""
    fact = await store(MemoryBlobs(), command(spoken(), spool_url=SPOOL), Spool(None))
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key is None
    for asked, spool in (
        (command(spoken(), spool_url=SPOOL), Spool(is_away=True)),
        (msgspec.structs.replace(command(spoken(), spool_url=SPOOL), key=None), Spool(None)),
    ):
        assert isinstance(await store(MemoryBlobs(), asked, spool), StoringDeferred)


class FullFolder(tempfile.TemporaryDirectory[str]):
    """A folder on a disk that is full once ffmpeg has decoded most of a recording."""

    def __enter__(self) -> str:
        folder = super().__enter__()
        Path(folder, "narrow.pcm").symlink_to("/dev/full")
        return folder


@pytest.mark.rule("V2", "V7")
async def test_a_full_disk_puts_a_message_off_and_never_makes_it_too_short(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ffmpeg ends without an error where its last bytes do not fit: what it wrote must not be believed."""
    blobs = MemoryBlobs()
    original = wav(silence(1_000) + voice(4_000) + silence(2_000))
    blobs.objects[KEY] = (original, "audio/wav")
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryDirectory", FullFolder)
        assert isinstance(await store(blobs, command(original)), StoringDeferred)
    gone = Mp3Converter(at_once_max=1, folder=tmp_path / "gone")
    storage = MessageStorage(blobs=blobs, fetch=Spool(), converter=gone)
    assert isinstance(await storage.store(VOLGA, command(original)), StoringDeferred)
    assert isinstance(await store(blobs, command(original)), MessageStored)


@pytest.mark.rule("O1", "V3")
@pytest.mark.parametrize("key", foreign_recordings("volga", "yug"))
async def test_a_recording_of_another_organization_is_not_converted(key: str) -> None:
    """It becomes no voice message, and its key stays out of the answer."""
    blobs = MemoryBlobs()
    blobs.objects[key] = (spoken(), "audio/wav")
    storage = MessageStorage(blobs=blobs, fetch=Spool(), converter=Mp3Converter(at_once_max=1))
    fact = await storage.store(VOLGA, command(spoken(), key=MediaKey(key)))
    assert isinstance(fact, MessageQuarantined)
    assert fact.original_key is None
    assert list(blobs.objects) == [key]
