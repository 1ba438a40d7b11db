"""The address of the console's client counts as the console has signed it: for one request, for a moment."""

import pytest
from msgspec import structs

from contracts.ids import Instant
from runtime.client_address import LASTS_MS, AddressRefused, SignedRequest, address_of, signed

KEY = "c" * 32
OTHER = "d" * 32
NOW = Instant(1_795_413_600_000)
REQUEST = SignedRequest(method="POST", target="/sessions?a=1")


@pytest.mark.parametrize(("address", "read"), [("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1")])
def test_what_the_console_has_signed_for_a_request_is_the_address(address: str, read: str) -> None:
    """Also while the key is replaced by another one."""
    assert address_of(signed(address, KEY, NOW, REQUEST), [OTHER, KEY], NOW, REQUEST) == read


@pytest.mark.parametrize("ms", [-LASTS_MS - 1, LASTS_MS + 1])
def test_it_holds_for_a_moment_and_clocks_may_differ_by_as_much(ms: int) -> None:
    """A header that was kept is worth nothing."""
    header = signed("192.0.2.1", KEY, NOW, REQUEST)
    with pytest.raises(AddressRefused, match="expired"):
        address_of(header, [KEY], Instant(NOW + ms), REQUEST)
    late = Instant(NOW + LASTS_MS)
    assert address_of(header, [KEY], late, REQUEST) == "192.0.2.1"


@pytest.mark.parametrize(
    "request_",
    [
        structs.replace(REQUEST, method="PUT"),
        structs.replace(REQUEST, target="/sessions"),
        structs.replace(REQUEST, target="/recovery?a=1"),
    ],
)
def test_it_holds_for_no_other_request(request_: SignedRequest) -> None:
    """Whoever overhears one for a list can't sign in with it."""
    header = signed("192.0.2.1", KEY, NOW, REQUEST)
    with pytest.raises(AddressRefused, match="not signed"):
        address_of(header, [KEY], NOW, request_)


def test_another_pod_forges_none() -> None:
    """Another key, another address or instant under a real signature, and whatever is malformed."""
    real = signed("192.0.2.1", KEY, NOW, REQUEST)
    address, at, signature = real.split(";")
    forged = [
        signed("192.0.2.1", OTHER, NOW, REQUEST),
        f"192.0.2.2;{at};{signature}",
        f"{address};{NOW + 1};{signature}",
        f"{address};{at};{'0' * 64}",
        f"{address};{at}",
        f"localhost;{at};{signature}",
        f"{real};",
        "",
        "1" * 10_000,
    ]
    for header in forged:
        with pytest.raises(AddressRefused):
            address_of(header, [KEY], NOW, REQUEST)
    with pytest.raises(AddressRefused):
        address_of(real, [], NOW, REQUEST)


def test_no_short_key_signs_and_no_name_is_an_address() -> None:
    """A key that can be guessed would let any pod sign."""
    with pytest.raises(ValueError, match="32 bytes"):
        signed("192.0.2.1", "short", NOW, REQUEST)
    with pytest.raises(ValueError, match="localhost"):
        signed("localhost", KEY, NOW, REQUEST)
