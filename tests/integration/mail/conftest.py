"""The mail servers, once for all tests of a worker; in CI they may not be skipped."""

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ringback.stack.process import StackError, free_port
from tests.integration.mail import debian
from tests.integration.mail.debian import MailServer


def demand(reason: str | None) -> None:
    """Skip a test for what is missing here; in CI it fails."""
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on real mail servers must run: {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whoever signed Postfix's certificate: nobody whom this system knows."""
    return trustme.CA()


@pytest.fixture(scope="session")
def policy_port() -> int:
    """Where Postfix asks about `grey@`."""
    return free_port()


@pytest.fixture(scope="session")
def postfix(
    authority: trustme.CA, policy_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailServer]:
    """Postfix, with a certificate of its own authority."""
    demand(debian.reason_missing())
    certificate = authority.issue_cert("localhost")
    run = tmp_path_factory.mktemp("postfix")
    try:
        server = debian.start_postfix(run, policy_port=policy_port, certificate=certificate)
    except StackError as error:
        # Once it ended at its start on a busy machine, without a word. What is tested comes after that.
        logging.getLogger(__name__).warning("postfix is started a second time: %s", error)
        server = debian.start_postfix(run, policy_port=policy_port, certificate=certificate)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def opensmtpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """OpenSMTPD."""
    demand(debian.reason_missing())
    server = debian.start_opensmtpd(tmp_path_factory.mktemp("opensmtpd"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def perl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what perl's MIME::Parser takes out of letters."""
    found = subprocess.run(["perl", "-MMIME::Parser", "-e", "1"], capture_output=True, check=False)
    demand(None if found.returncode == 0 else "perl has no MIME::Parser: apt-get install libmime-tools-perl")
    return tmp_path_factory.mktemp("perl")


@pytest.fixture(scope="session")
def spamassassin() -> None:
    """The program that scores letters."""
    is_here = shutil.which("spamassassin") is not None
    demand(None if is_here else "there is no spamassassin: apt-get install spamassassin")
