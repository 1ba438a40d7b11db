"""Which parts of a recording are asked for, and from where alone."""

import httpx
import pytest

from services.console.activities.audio_storage import AudioStorage
from services.console.rules.audio_ranges import PIECE_BYTES, asked


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ""),
        ("bytes=0-", f"bytes=0-{PIECE_BYTES - 1}"),
        ("bytes=100-199", "bytes=100-199"),
        ("bytes=5000000-99999999", f"bytes=5000000-{5_000_000 + PIECE_BYTES - 1}"),
        ("bytes=-500", "bytes=-500"),
        (" bytes=0-0 ", "bytes=0-0"),
        ("bytes=200-100", ""),
        ("bytes=0-1,5-6", ""),
        ("items=0-1", ""),
        ("bytes=a-b", ""),
        ("bytes=0-\r\nHost: elsewhere", ""),
        ("bytes=" + "9" * 40 + "-", ""),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_piece_is_asked_for_at_most_and_the_whole_for_what_makes_no_sense(header: str, wanted: str) -> None:
    assert asked(header) == wanted


OWN = AudioStorage(endpoint="https://s3.example.org:9000", bucket="ringback", region="eu")
AMAZON = AudioStorage(endpoint="", bucket="ringback", region="eu-central-1")


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/ringback/a.wav",
        "https://s3.example.org/ringback/a.wav",
        "http://s3.example.org:9000/ringback/a.wav",
        "https://s3.example.org:9000/another/a.wav",
        "https://s3.example.org:9000/ringback-too/a.wav",
        "https://user@s3.example.org:9000/ringback/a.wav",
        "https://s3.example.org:9000@elsewhere.example/ringback/a.wav",
        "https://s3.example.org.elsewhere.example:9000/ringback/a.wav",
        "file:///ringback/a.wav",
        "memory://ringback/a.wav",
    ],
)
def test_a_link_to_anywhere_else_than_the_bucket_is_not_own(link: str) -> None:
    assert not OWN.is_own(httpx.URL(link))


def test_a_link_into_the_bucket_is_own() -> None:
    assert OWN.is_own(httpx.URL("https://s3.example.org:9000/ringback/north/recordings/a.wav?X-Amz-Date=1"))
    for host in ("ringback.s3.amazonaws.com", "ringback.s3.eu-central-1.amazonaws.com"):
        assert AMAZON.is_own(httpx.URL(f"https://{host}/north/recordings/a.wav?X-Amz-Date=1"))
    assert not AMAZON.is_own(httpx.URL("https://another.s3.amazonaws.com/north/recordings/a.wav"))
