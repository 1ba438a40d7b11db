"""What host and edges require of an object store, in memory and on S3."""

import asyncio
import hashlib
import urllib.request
from collections.abc import Iterator
from email.message import Message

import pytest

from runtime.memory import MemoryBlobs
from runtime.ports import Blobs, BlobsUnavailable
from runtime.s3_blobs import S3Blobs, connected


@pytest.fixture(params=["memory", "s3"])
def blobs(request: pytest.FixtureRequest) -> Iterator[Blobs]:
    """A bucket."""
    if request.param == "memory":
        yield MemoryBlobs()
        return
    part = request.getfixturevalue("s3_server")
    client = connected(
        endpoint=part.address, region=part.region, access_key=part.access_key, secret_key=part.secret_key
    )
    made = S3Blobs(client, part.bucket)
    yield made
    made.close()


async def test_an_object_comes_back_as_it_was_put(blobs: Blobs, fresh_prefix: str) -> None:
    """Audio is bytes."""
    data = bytes(range(256)) * 1000
    await blobs.put(f"{fresh_prefix}/a.wav", data, content_type="audio/wav")
    assert await blobs.get(f"{fresh_prefix}/a.wav") == data


async def test_its_size_and_checksum_can_be_verified(blobs: Blobs, fresh_prefix: str) -> None:
    """A letter mentions the recording only after that (V3)."""
    await blobs.put(f"{fresh_prefix}/a.mp3", b"sound", content_type="audio/mpeg")
    info = await blobs.info(f"{fresh_prefix}/a.mp3")
    assert info is not None
    assert (info.bytes, info.sha256) == (5, hashlib.sha256(b"sound").hexdigest())
    assert info.content_type == "audio/mpeg"


async def test_what_is_not_there_is_none(blobs: Blobs, fresh_prefix: str) -> None:
    """Missing is an answer, unreachable is an error."""
    assert await blobs.get(f"{fresh_prefix}/nothing") is None
    assert await blobs.info(f"{fresh_prefix}/nothing") is None


async def test_put_once_keeps_the_first(blobs: Blobs, fresh_prefix: str) -> None:
    """A repeated upload is the same object (V3)."""
    await blobs.put(f"{fresh_prefix}/once", b"first", once=True)
    await blobs.put(f"{fresh_prefix}/once", b"second", once=True)
    assert await blobs.get(f"{fresh_prefix}/once") == b"first"


async def test_put_replaces(blobs: Blobs, fresh_prefix: str) -> None:
    """The hourly snapshot replaces the last one."""
    await blobs.put(f"{fresh_prefix}/snapshot", b"first")
    await blobs.put(f"{fresh_prefix}/snapshot", b"second")
    assert await blobs.get(f"{fresh_prefix}/snapshot") == b"second"


async def test_a_deleted_object_is_gone_and_deleting_again_is_fine(blobs: Blobs, fresh_prefix: str) -> None:
    """Retention may come twice (V6)."""
    await blobs.put(f"{fresh_prefix}/gone", b"x")
    await blobs.delete(f"{fresh_prefix}/gone")
    await blobs.delete(f"{fresh_prefix}/gone")
    assert await blobs.get(f"{fresh_prefix}/gone") is None


@pytest.mark.parametrize("blobs", ["s3"], indirect=True)
async def test_a_link_can_be_fetched_without_keys(blobs: Blobs, fresh_prefix: str) -> None:
    """Anybody with the link can fetch the object for a while, as what we say it is and for no cache."""
    await blobs.put(f"{fresh_prefix}/linked", b"audio", content_type="text/html")
    address = await blobs.link(
        f"{fresh_prefix}/linked", seconds=60, content_type="audio/mpeg", name="conversation.mp3"
    )
    data, headers = await asyncio.to_thread(_fetched, address)
    assert data == b"audio"
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["Content-Disposition"] == 'inline; filename="conversation.mp3"'
    assert headers["Cache-Control"] == "private, no-store"


def _fetched(address: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(address) as answer:  # noqa: S310  # the embedded S3 on loopback
        return bytes(answer.read()), answer.headers


async def test_a_server_that_is_away_is_an_error() -> None:
    """V7 waits and tries again; it never believes that an object is missing."""
    client = connected(endpoint="http://127.0.0.1:1", region="us-east-1", access_key="a", secret_key="b")
    blobs = S3Blobs(client, "bucket")
    with pytest.raises(BlobsUnavailable):
        await blobs.get("key")
    blobs.close()


class Headers:
    """A server that records requests with the names of their headers, and always answers 200."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, frozenset[str]]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        while (first := await reader.readline()) and (rest := await reader.readuntil(b"\r\n\r\n")):
            request, lines = first.decode().strip(), rest.decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            if "expect" in headers:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = request.split()
            self.asked.append((method, target, frozenset(headers)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()


async def test_p24_no_request_has_a_header_that_stores_beside_amazons_refuse() -> None:
    """botocore adds checksums of its own by default: B2, Ceph and older MinIO answer 400 or 501 to them."""
    there = Headers()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = connected(endpoint=address, region="eu-1", access_key="a", secret_key="b")
    blobs = S3Blobs(client, "bucket")
    await blobs.put("key", b"data", content_type="audio/wav")
    await blobs.put("key", b"data", once=True)
    await blobs.get("key")
    await blobs.info("key")
    await blobs.delete("key")
    link = await blobs.link("key", seconds=60, content_type="audio/wav", name="x.wav")
    blobs.close()
    server.close()
    client.close()
    assert [method for method, _, _ in there.asked] == ["PUT", "PUT", "GET", "HEAD", "DELETE"]
    sent = {name for _, _, names in there.asked for name in names}
    assert not {name for name in sent if "checksum" in name or name in ("x-amz-trailer", "content-encoding")}
    # A body is checked by MD5, which all of these servers support.
    assert all("content-md5" in names for method, _, names in there.asked if method == "PUT")
    assert "checksum" not in link
