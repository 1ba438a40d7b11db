"""What is asked of the settings at start, before anything connects."""

import pytest
from pydantic import SecretStr

from runtime import checks
from runtime.settings import RuntimeSettings


@pytest.mark.parametrize(
    ("endpoint", "allowed_to", "is_refused"),
    [
        ("http://traces.example.org:4318", "", True),
        ("http://traces.example.org:4318", "otlp", False),
        ("https://traces.example.org:4318", "", False),
        ("http://127.0.0.1:4318", "", False),
        ("", "", False),
    ],
)
async def test_traces_leave_this_machine_encrypted_or_not_at_all(
    endpoint: str, allowed_to: str, is_refused: bool
) -> None:
    settings = RuntimeSettings(otlp_endpoint=endpoint, allow_plaintext_to=allowed_to)
    lines = await checks.missing(settings, ("otlp",), service="queue")
    assert bool(lines) is is_refused
    assert all("RINGBACK_OTLP_ENDPOINT" in line.words for line in lines)


async def test_a_mail_server_elsewhere_without_encryption_is_told_before_the_first_letter() -> None:
    settings = RuntimeSettings(
        smtp=SecretStr("smtp://bot:s3cret@mail.example.org"), mail_from="rb@example.org"
    )
    (line,) = await checks.missing(settings, ("smtp",), service="queue")
    assert "smtp+starttls://" in line.words
    assert "s3cret" not in line.words
    assert not line.may_pass
