"""S3 as the console reads it: by links that history signs, without keys of its own, and nowhere else."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import httpx

from services.console.activities.api_client import Unreachable
from services.console.activities.turns import AT_ONCE_MAX

SERVICE: Final = "storage"
CONNECT_S_MAX: Final = 3.0
SILENT_S_MAX: Final = 20.0
"""For the first byte, and between two."""
READ: Final = (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE)
PASSED_ON: Final = ("content-type", "content-length", "content-range", "content-disposition")


class Part(NamedTuple):
    """A recording, or a part of it, as it comes; of 416 only `content-range` is told."""

    status: int
    headers: dict[str, str]
    content: AsyncIterator[bytes]


class AudioStorage:
    """The bucket with the recordings."""

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        region: str,
        ca: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`endpoint` empty: Amazon's own, by region."""
        self._begins = _begins(endpoint, bucket, region)
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca) if ca else True,
            timeout=httpx.Timeout(SILENT_S_MAX, connect=CONNECT_S_MAX),
            # Connections of its own: who listens must not wait for pages, nor pages for who listens.
            limits=httpx.Limits(max_connections=AT_ONCE_MAX),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def is_own(self, link: httpx.URL) -> bool:
        """Whether a link leads into the bucket that is configured."""
        return not link.userinfo and any(
            (link.scheme, link.host, _port(link)) == (begin.scheme, begin.host, _port(begin))
            and link.path.startswith(begin.path)
            for begin in self._begins
        )

    @asynccontextmanager
    async def opened(self, link: str, wanted: str) -> AsyncIterator[Part]:
        """What a link leads to, from `wanted` (a `Range`, or empty). Raises Unreachable.

        The link is another service's answer: nothing is fetched from anywhere but the bucket.
        """
        try:
            url = httpx.URL(link)
        except httpx.InvalidURL as error:
            raise Unreachable(SERVICE, "a link that can't be read") from error
        if not self.is_own(url):
            raise Unreachable(SERVICE, "alarm: a link leads elsewhere than into the bucket")
        headers = {"Accept-Encoding": "identity"} | ({"Range": wanted} if wanted else {})
        request = self._http.build_request("GET", url, headers=headers)
        try:
            answer = await self._http.send(request, stream=True)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            raise Unreachable(SERVICE, f"{type(error).__name__}: {error}") from error
        try:
            yield _part(answer)
        finally:
            await answer.aclose()


def _part(answer: httpx.Response) -> Part:
    if answer.status_code not in READ:
        # Its words may quote what was asked, and with it the signature.
        raise Unreachable(SERVICE, f"S3 answers {answer.status_code}")
    passed: tuple[str, ...] = PASSED_ON
    if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        passed = ("content-range",)
    elif not answer.headers.get("content-type", "").startswith("audio/"):
        raise Unreachable(SERVICE, "what S3 answers is no audio")
    headers = {name: answer.headers[name] for name in passed if name in answer.headers}
    return Part(status=answer.status_code, headers=headers, content=answer.aiter_raw())


def _begins(endpoint: str, bucket: str, region: str) -> tuple[httpx.URL, ...]:
    """How a link begins: path style at an endpoint, as `runtime/s3_blobs.py` asks for; else Amazon's way."""
    if endpoint:
        return (httpx.URL(f"{endpoint.rstrip('/')}/{bucket}/"),)
    places = (
        f"{bucket}.s3.amazonaws.com/",
        f"{bucket}.s3.{region}.amazonaws.com/",
        f"{bucket}.s3.{region}.amazonaws.com.cn/",
        # A bucket with dots in its name has no certificate of its own.
        f"s3.{region}.amazonaws.com/{bucket}/",
    )
    return tuple(httpx.URL(f"https://{each}") for each in places)


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
