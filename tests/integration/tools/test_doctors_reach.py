"""The doctor as a service that opens links to S3 and has none of its keys."""

from ringback.doctor import objects
from ringback.doctor.findings import Mark
from ringback.doctor.scope import Settings, scope
from ringback.stack import parts
from ringback.stack.process import free_port


async def test_for_the_console_alone_s3_must_be_reached_without_keys(s3_server: parts.S3) -> None:
    """It opens links that history signs: whatever S3 answers, it is there."""
    there = Settings(s3_endpoint=s3_server.address, s3_bucket=s3_server.bucket)
    [found] = (await objects.examine(there, scope(["console"]))).findings
    assert (found.what, found.mark) == ("reach", Mark.GREEN)
    nowhere = Settings(s3_endpoint=f"http://127.0.0.1:{free_port()}", s3_bucket=s3_server.bucket)
    [found] = (await objects.examine(nowhere, scope(["console"]))).findings
    assert (found.what, found.mark) == ("reach", Mark.RED)
    assert "let this service through to S3" in found.words
