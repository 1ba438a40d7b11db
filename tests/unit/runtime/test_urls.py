"""Addresses are judged by the host that they lead to."""

import pytest
from pydantic import ValidationError

from contracts.ids import OrganizationId
from runtime import urls
from runtime.settings import RuntimeSettings
from services.directory.settings import Settings as DirectorySettings
from services.gateway.settings import Settings as GatewaySettings
from services.voicemail.activities import formats

NOT_PRIVATE = [
    "http://texts.example/send",
    "http://127.0.0.1.example/send",
    "http://localhost.example",
    "http://localhostile.example",
    "http://localhost@texts.example",
    "http://127.0.0.1:80@texts.example/",
    "https://user:secret@texts.example/",
    "https://@texts.example/",
    "http://texts.example#@localhost",
    "http://localhost\\@texts.example/",
    "http://local\thost/",
    "http://10.0.0.1/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://127.1/",
    "http://[::1",
    "http://localhost:port/",
    "https://",
    "https:texts.example",
    "//texts.example",
    "ftp://localhost/",
    "file:///etc/hostname",
    "https://texts.exаmple/",  # a Cyrillic letter
    " https://texts.example/",
    "https://texts.example/\r\nHost: other",
]


@pytest.mark.parametrize("url", NOT_PRIVATE)
def test_an_address_that_only_looks_private_is_refused(url: str) -> None:
    """A code for a password must not go to whoever owns a name that begins like loopback."""
    with pytest.raises(urls.Unusable) as refused:
        urls.private(url)
    assert "secret" not in str(refused.value), "the reason is logged, and an address may hold a password"


@pytest.mark.parametrize(
    "url",
    [
        "https://texts.example/send?v=1",
        "HTTPS://texts.example:8443",
        "http://localhost:8080/x",
        "http://127.0.0.1",
        "http://127.8.9.1/",
        "http://[::1]:80/",
    ],
)
def test_https_and_this_very_machine_are_private(url: str) -> None:
    """A provider's proxy on the same machine needs no certificate."""
    assert urls.private(url).hostname


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("S3_ENDPOINT", RuntimeSettings),
        ("OTLP_ENDPOINT", RuntimeSettings),
        ("SPOOL_URL", GatewaySettings),
        ("SOFTPHONE_URL", DirectorySettings),
    ],
)
def test_an_address_in_a_setting_is_one_that_leads_where_it_says(
    monkeypatch: pytest.MonkeyPatch, setting: str, kind: type[RuntimeSettings]
) -> None:
    """A service with an address that shows one host and opens another does not start."""
    monkeypatch.setenv(f"RINGBACK_{setting}", "http://gateway-0.internal:8081")
    assert kind() is not None
    for url in (
        "http://store.example@evil.example/",
        "https://a:secret@store.example",
        "ftp://x/",
        "store:9000",
    ):
        monkeypatch.setenv(f"RINGBACK_{setting}", url)
        with pytest.raises(ValidationError, match=setting.lower()) as refused:
            kind()
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://console.example/", "https://console.example/o/volga/voicemail"),
        ("https://console.example@evil.example", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_a_letter_links_to_a_console_only_where_its_address_says(url: str, shown: str) -> None:
    """A link that shows one host and opens another would come from a sender that people trust."""
    assert formats.console_page(url, OrganizationId("volga"), "voicemail") == shown
