"""Fixtures of the tests of speech: object stores, and retries that do not wait."""

from collections.abc import Iterator

import pytest
import stamina

from ringback.stack.parts import S3
from runtime.memory import MemoryBlobs
from runtime.ports import Blobs
from runtime.s3_blobs import S3Blobs


@pytest.fixture
def quick_retries() -> Iterator[None]:
    """stamina tries as often as in production, but does not pause."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture(params=["memory", "s3"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    """A store of objects: in memory, and the real one."""
    if request.param == "memory":
        return MemoryBlobs()
    s3: S3 = request.getfixturevalue("s3_server")
    return S3Blobs(s3.client(), s3.bucket, encryption=False)
