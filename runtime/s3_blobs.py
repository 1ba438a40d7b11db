"""Objects in any S3-compatible store, with boto3 in a bounded pool of threads."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import boto3  # noqa: TID251  # here it is made
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from runtime import plaintext
from runtime.ports import BlobInfo, BlobsUnavailable
from runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS_MAX: Final = 8
"""Audio takes a few hundred KiB an object: eight at once fill a network link long before memory."""
CONNECT_S_MAX: Final = 5
ANSWER_S_MAX: Final = 20
RETRIES_MAX: Final = 2
SHA256: Final = "ringback-sha256"

T = TypeVar("T")


def connected(
    *,
    endpoint: str,
    region: str,
    access_key: str,
    secret_key: str,
    ca: str = "",
    connect_s_max: int = CONNECT_S_MAX,
    answer_s_max: int = ANSWER_S_MAX,
    retries_max: int = RETRIES_MAX,
) -> "S3Client":
    """A client; without keys boto3 finds credentials by its own chain, and renews those that end.

    The chain: environment, shared file, web identity (a role of a Kubernetes account), container, instance.
    `ca` is a file of certificates; empty: the system's. An address comes from `endpoint` alone, and not from
    the environment, where nobody would judge it.

    Only this function makes one. Amazon's own checksums are sent only where S3 requires them, which is in
    none of our requests: botocore adds them to every request by default, and other stores (B2, Ceph, older
    MinIO) answer 400 or 501. Our own checks are MD5 at upload and SHA-256 beside the object.
    """
    # A session of its own: the default one keeps the credentials that it found first for every later client.
    return boto3.Session().client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        verify=ca or None,
        config=Config(
            signature_version="s3v4",
            connect_timeout=connect_s_max,
            read_timeout=answer_s_max,
            retries={"max_attempts": retries_max, "mode": "standard"},
            max_pool_connections=THREADS_MAX,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # botocore-stubs lack it
            s3={"addressing_style": "path"} if endpoint else {},
        ),
    )


class S3Blobs:
    """One bucket. `encryption` asks for encryption at rest (SSE-S3)."""

    def __init__(self, client: "S3Client", bucket: str, *, encryption: bool = True) -> None:
        self._client = client
        self._bucket = bucket
        self._encryption = encryption
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="s3")

    async def _call(self, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, function)
        except (BotoCoreError, ClientError, OSError) as error:
            raise BlobsUnavailable(f"{type(error).__name__}: {error}") from error

    async def put(
        self, key: str, data: bytes, *, content_type: str = "application/octet-stream", once: bool = False
    ) -> None:
        """Put an object; the server checks its MD5, and its SHA-256 is stored beside it."""
        options: dict[str, Any] = {"IfNoneMatch": "*"} if once else {}
        if self._encryption:
            options["ServerSideEncryption"] = "AES256"

        def put() -> None:
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=data,
                    ContentType=content_type,
                    ContentMD5=base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
                    Metadata={SHA256: hashlib.sha256(data).hexdigest()},
                    **options,
                )
            except ClientError as error:
                # 412: the object exists already, and `once` lets it stay.
                if not (once and status(error) == 412):
                    raise

        await self._call(put)

    async def get(self, key: str) -> bytes | None:
        """An object, or None."""

        def get() -> bytes | None:
            try:
                return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if status(error) == 404:
                    return None
                raise

        return await self._call(get)

    async def info(self, key: str) -> BlobInfo | None:
        """Size, SHA-256 as put, and type."""

        def head() -> BlobInfo | None:
            try:
                found = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if status(error) == 404:
                    return None
                raise
            return BlobInfo(
                bytes=found["ContentLength"],
                sha256=found["Metadata"].get(SHA256, ""),
                # RFC 9110, 8.3: a body without a type may be taken as this one.
                content_type=found.get("ContentType", "application/octet-stream"),
            )

        return await self._call(head)

    async def delete(self, key: str) -> None:
        """Remove an object if it exists."""
        await self._call(lambda: self._client.delete_object(Bucket=self._bucket, Key=key))

    async def link(self, key: str, *, seconds: int, content_type: str, name: str) -> str:
        """A presigned address. Type, name and the ban on caches are part of what is signed."""
        wanted: dict[str, str] = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentType": content_type,
            "ResponseContentDisposition": f'inline; filename="{name}"',
            "ResponseCacheControl": "private, no-store",
        }
        return await self._call(
            lambda: self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds)
        )

    async def check(self) -> None:
        """Check that objects can be put as we put them, encrypted at rest. Raises BlobsUnavailable."""
        await self._call(lambda: self._client.head_bucket(Bucket=self._bucket))
        await self.put("checks/start", b"Ringback asks at every start whether it may write here.")

    def close(self) -> None:
        """End the threads once they have finished."""
        self._threads.shutdown(wait=False)


def from_settings(settings: RuntimeSettings) -> S3Blobs:
    """The bucket named in a process's settings.

    Raises ValueError, PlaintextRefused too; BlobsUnavailable if whoever gives credentials refuses them.
    """
    endpoint = urlsplit(settings.s3_endpoint)
    if endpoint.scheme == "http":
        plaintext.refuse(
            "s3",
            [endpoint.hostname or ""],
            allowed_to=plaintext.allowed(settings.allow_plaintext_to),
            remedy="set RINGBACK_S3_ENDPOINT to https://…, with RINGBACK_S3_CA for an authority of your own",
        )
    if bool(settings.s3_access_key.get_secret_value()) != bool(settings.s3_secret_key.get_secret_value()):
        raise ValueError(
            "set both RINGBACK_S3_ACCESS_KEY and RINGBACK_S3_SECRET_KEY, or neither: without them the "
            "credentials are those of the environment"
        )
    if settings.s3_ca and not Path(settings.s3_ca).is_file():
        raise ValueError(f"RINGBACK_S3_CA names no file: {settings.s3_ca}")
    try:
        client = connected(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            ca=settings.s3_ca,
        )
    except BotoCoreError as error:
        # Without its words: they quote the answer, which may hold what was asked for.
        raise BlobsUnavailable(type(error).__name__) from error
    return S3Blobs(client, settings.s3_bucket, encryption=settings.s3_encryption)


def status(error: ClientError) -> int:
    """The HTTP status of an answer, or 0."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
