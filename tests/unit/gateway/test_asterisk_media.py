"""The folder from which an Asterisk plays: who may read it, what stays in it, and how it is served."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from contracts.ids import MediaKey, PbxId
from runtime.memory import MemoryBlobs
from runtime.ports import BlobsUnavailable
from services.gateway.api import MediaApi
from services.gateway.asterisk import media
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.media import Media, MediaFolder, media_of
from tests.contract.gateway.benches import wav

KEY = MediaKey("speech/position-3.wav")
ADDRESS_LENGTH_MIN = 60
"""Asterisk takes no shorter address (seen)."""


class BrokenBlobs(MemoryBlobs):
    """An S3 that is away."""

    async def get(self, key: str) -> bytes | None:
        raise BlobsUnavailable("503")


def ms(found: tuple[media.Medium, ...] | None) -> list[int]:
    return [] if found is None else [each.ms for each in found]


async def test_a_medium_is_fetched_once_and_then_played_without_s3(tmp_path: Path) -> None:
    """The prompts that everybody hears go on when S3 is away, also after a restart."""
    blobs = MemoryBlobs()
    await blobs.put(KEY, wav(400))
    assert ms(await Media(blobs, MediaFolder(tmp_path), str).ready((KEY,))) == [400]
    again = Media(BrokenBlobs(), MediaFolder(tmp_path), str)
    assert ms(await again.ready((KEY, KEY))) == [400, 400]
    assert await again.ready((KEY, MediaKey("speech/another.wav"))) is None


@pytest.mark.parametrize(
    "data", [None, b"", b"\x89PNG" + bytes(400), wav(400)[:30]], ids=lambda d: f"{d and len(d)}"
)
async def test_what_is_missing_or_unfit_is_not_ready_and_is_looked_for_again(
    tmp_path: Path, data: bytes | None
) -> None:
    """It may be there for the next call."""
    blobs = MemoryBlobs()
    if data is not None:
        await blobs.put(KEY, data)
    found = Media(blobs, MediaFolder(tmp_path), str)
    assert await found.ready((KEY,)) is None
    assert await found.ready(()) is None
    await blobs.put(KEY, wav(400))
    assert ms(await found.ready((KEY,))) == [400]


@pytest.mark.parametrize(("is_shared", "mode"), [(False, 0o600), (True, 0o640)])
def test_media_are_nobody_elses(tmp_path: Path, is_shared: bool, mode: int) -> None:
    """Notices name people. A shared folder's group has Asterisk in it."""
    folder = MediaFolder(tmp_path, is_shared=is_shared)
    name = folder.name(KEY)
    folder.put(name, wav(400))
    assert (tmp_path / f"{name}.wav").stat().st_mode & 0o777 == mode
    assert (tmp_path / media.KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_what_nobody_has_played_for_a_day_is_removed_and_what_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was just played stays, whatever there is."""
    folder = MediaFolder(tmp_path)
    names = [folder.name(MediaKey(f"speech/{number}.wav")) for number in range(4)]
    for name, age_s in zip(names, (90_000, 2_000, 1_000, 0), strict=True):
        folder.put(name, wav(400))
        at = time.time() - age_s
        os.utime(tmp_path / f"{name}.wav", (at, at))
    folder.clean()
    assert [folder.length_ms(name) for name in names] == [None, 400, 400, 400]
    for name, age_s in zip(names[1:], (2_000, 1_000, 0), strict=True):
        at = time.time() - age_s
        os.utime(tmp_path / f"{name}.wav", (at, at))
    monkeypatch.setattr(media, "BYTES_MAX", 2 * len(wav(400)))
    folder.clean()
    assert [folder.length_ms(name) for name in names[1:]] == [None, 400, 400]
    assert (tmp_path / media.KEY_FILE).exists()


async def test_an_address_of_a_medium_is_long_and_not_guessed(tmp_path: Path) -> None:
    """Asterisk takes no short one, and strangers must not listen."""
    folder = MediaFolder(tmp_path)
    address = read_address(PbxId("cloud"), "ari+http://u:p@host:8088/ari?media=http://g:8081")
    blobs = MemoryBlobs()
    await blobs.put(KEY, wav(400))
    found = media_of(address, blobs, folder)
    assert found is not None
    (medium,) = await found.ready((KEY,)) or ()
    assert medium.uri.startswith("sound:http://g:8081/media?name=")
    assert len(medium.uri.removeprefix("sound:")) >= ADDRESS_LENGTH_MIN
    assert KEY not in medium.uri
    name = medium.uri.partition("=")[2]
    assert await _get(MediaApi(folder.opened), f"name={name}") == (200, wav(400))
    for guess in ("", "name=", "name=../names.key", f"name={'a' * 64}.wav", f"name={media.KEY_FILE}"):
        assert await _get(MediaApi(folder.opened), guess) == (404, b"")


def test_a_pbx_without_a_place_for_media_plays_nothing(tmp_path: Path) -> None:
    """It is said when something is to be played, not before."""
    address = read_address(PbxId("cloud"), "ari+http://u:p@host:8088/ari")
    assert media_of(address, MemoryBlobs(), MediaFolder(tmp_path)) is None


async def _get(api: MediaApi, query: str) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {}

    await api({"type": "http", "query_string": query.encode()}, receive, send)
    return sent[0]["status"], b"".join(each["body"] for each in sent[1:])
