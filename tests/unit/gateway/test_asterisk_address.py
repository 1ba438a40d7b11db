"""The address of an Asterisk in RINGBACK_PBXS: where it is, and how it dials."""

from pathlib import Path

import pytest

from contracts.ids import Address, PbxId
from services.gateway.asterisk.address import AsteriskAddress, read_address

CLOUD = PbxId("cloud")


def test_an_address_says_where_ari_is_and_which_application_we_are() -> None:
    """The credentials may have any characters, escaped as in every address."""
    found = read_address(
        CLOUD, "ari+https://ring:p%40ss@pbx.local:8089/ari?app=calls&context=inside&media=/m"
    )
    assert found.url == "https://ring:p%40ss@pbx.local:8089/ari"
    assert (found.app, found.context, found.media) == ("calls", "inside", "/m")


def test_an_address_without_more_has_what_the_documentation_uses() -> None:
    """The operator who follows it writes no more than the host and the login."""
    found = read_address(CLOUD, "ari+http://ring:secret@10.0.0.1:8088")
    assert found == AsteriskAddress(url="http://ring:secret@10.0.0.1:8088/ari")


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("sip:201", "PJSIP/201"),
        ("tel:+79161234567", "PJSIP/+79161234567@operator"),
        ("pbx:second/205", "PJSIP/205@second"),
        ("sip:201&PJSIP", None),
        ("sip:201@elsewhere", None),
        ("pbx:second/205/206", None),
        ("tel:", None),
        ("https:201", None),
    ],
)
def test_an_address_is_dialled_by_its_kind_and_never_as_two_phones(address: str, dialled: str | None) -> None:
    """A dial string is a small language: what would mean more than one phone is not dialled at all."""
    found = read_address(CLOUD, "ari+http://ring:secret@h:8088/ari?trunk=operator")
    assert found.dialled(Address(address)) == dialled


def test_an_operator_says_how_outside_numbers_are_dialled() -> None:
    """Some trunks want a prefix, and some PBXs have other names for their phones."""
    address = "ari+http://u:p@h/ari?outside=PJSIP/9%7Bnumber%7D@gate&phone=PJSIP/p%7Bextension%7D"
    found = read_address(CLOUD, address)
    assert found.dialled(Address("tel:+7916")) == "PJSIP/9+7916@gate"
    assert found.endpoint(Address("tel:+7916")) == ("PJSIP", "gate")
    assert found.endpoint(Address("sip:201")) == ("PJSIP", "p201")
    assert found.phone_of("PJSIP/p201") == "sip:201"
    assert found.phone_of("PJSIP/gate") is None
    national = read_address(CLOUD, "ari+http://u:p@h/ari?trunk=gate&outside=PJSIP/%7Bdigits%7D@%7Btrunk%7D")
    assert national.dialled(Address("tel:+7916")) == "PJSIP/7916@gate"


@pytest.mark.parametrize(
    "address",
    [
        "ari+http://h:8088/ari",
        "ari+http://ring:topsecret@/ari",
        "ari+http://ring:topsecret@h:port/ari",
        "http://ring:topsecret@h:8088/ari",
        "ari+http://ring:topsecret@h:8088/ari?aap=x",
        "ari+http://ring:topsecret@h:8088/ari?app=x&app=y",
        "ari+http://ring:topsecret@h:8088/ari?media=ftp://x",
        "ari+http://ring:topsecret@h:8088/ari?app=a,b",
        "ari+http://ring:topsecret@h:8088/ari?phone=PJSIP/201",
        "ari+http://ring:topsecret@h:8088/ari?outside=%7Bnumber%7D",
    ],
)
def test_a_wrong_address_is_refused_in_words_without_the_password(address: str) -> None:
    """The words go to the log of a service that does not start."""
    with pytest.raises(ValueError, match="of the PBX cloud") as refused:
        read_address(CLOUD, address)
    assert "topsecret" not in str(refused.value)


def test_certificates_that_cannot_be_read_are_said_at_once(tmp_path: Path) -> None:
    """Not when the first call comes."""
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    for file in (empty, tmp_path / "missing.pem"):
        found = read_address(CLOUD, f"ari+https://ring:secret@10.0.0.1:8089?ca={file}")
        with pytest.raises(ValueError, match="no file of certificates"):
            found.tls()


def test_the_systems_certificates_verify_tls_if_nothing_else_is_named() -> None:
    """Without TLS there is nothing to verify."""
    assert read_address(CLOUD, "ari+https://ring:secret@10.0.0.1:8089").tls() is not None
    assert read_address(CLOUD, "ari+http://ring:secret@10.0.0.1:8088").tls() is None


def test_an_asterisk_may_have_an_ipv6_address() -> None:
    """In brackets, as in every address."""
    found = read_address(CLOUD, "ari+http://ring:secret@[fd00::5]:8088/ari?media=http://[fd00::6]:8081")
    assert (found.url, found.media) == ("http://ring:secret@[fd00::5]:8088/ari", "http://[fd00::6]:8081")
