"""The relay between a PBX and its trunk: real datagrams on loopback."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from devtools.chaos.trunk_relay import SIP_PORT, Trunk, TrunkRelay, counts
from devtools.sip import SipMessage
from ringback.stack.asterisk.instance import free_address

SHORT_S = 0.2
PBX_ADDRESS = "127.0.0.1"
LONG_S = 5.0


@dataclass
class Line:
    """A PBX and a trunk, each a socket, with the relay between them."""

    pbx: socket.socket
    trunk: socket.socket
    relay: TrunkRelay

    def dial(self, call: str, method: str = "INVITE", number: str = "+79161234567") -> None:
        message = SipMessage(
            f"{method} sip:{number}@{self.relay.address} SIP/2.0",
            [
                ("Via", "SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKx"),
                ("From", "<sip:a@b>;tag=1"),
                ("To", f"<sip:{number}@{self.relay.address}>"),
                ("Call-ID", call),
                ("CSeq", f"1 {method}"),
            ],
        )
        self.pbx.sendto(message.data(), (self.relay.address, SIP_PORT))

    def answers(self, count: int = 1) -> list[str]:
        """What the PBX is told."""
        self.pbx.settimeout(LONG_S)
        return [self.pbx.recv(65_536).decode().splitlines()[0] for _ in range(count)]


def _is_quiet(line: socket.socket) -> bool:
    line.settimeout(SHORT_S)
    try:
        line.recv(65_536)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def line() -> Iterator[Line]:
    trunk_address = free_address()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk,
    ):
        pbx.bind((PBX_ADDRESS, 0))
        trunk.bind((trunk_address, SIP_PORT))
        relay = TrunkRelay("cloud", free_address(), PBX_ADDRESS, trunk_address)
        relay.begin()
        try:
            yield Line(pbx, trunk, relay)
        finally:
            relay.stop()


def test_an_open_trunk_is_not_noticed(line: Line) -> None:
    """Each call reaches the network, and its answer the PBX; the relay counts nothing."""
    line.dial("c1")
    line.trunk.settimeout(LONG_S)
    data, source = line.trunk.recvfrom(65_536)
    line.trunk.sendto(b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n", source)
    assert data.startswith(b"INVITE sip:+79161234567@")
    assert source[0] == PBX_ADDRESS
    assert line.answers() == ["SIP/2.0 180 Ringing"]
    assert counts([line.relay]) == {}


def test_a_trunk_that_refuses_answers_503_and_the_network_hears_of_no_call(line: Line) -> None:
    """The dialling counts, or a second one would not be noticed."""
    line.relay.behave(Trunk.REFUSES)
    line.dial("c1")
    assert line.answers() == ["SIP/2.0 503 Service Unavailable"]
    line.dial("c1", "ACK")
    assert _is_quiet(line.trunk)
    assert counts([line.relay]) == {"dialled tel:+79161234567": 1}


def test_a_trunk_that_only_says_183_ends_the_call_when_the_pbx_gives_up(line: Line) -> None:
    """Even when the trunk is well again by then: the call is still the relay's."""
    line.relay.behave(Trunk.HOLDS)
    line.dial("c1")
    assert line.answers() == ["SIP/2.0 183 Session Progress"]
    line.relay.behave(Trunk.OPEN)
    line.dial("c1", "CANCEL")
    assert line.answers(2) == ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    assert _is_quiet(line.trunk)


def test_a_dead_trunk_says_nothing_and_repetitions_of_one_call_count_once(line: Line) -> None:
    """SIP repeats an unanswered INVITE for half a minute: that is one dialling."""
    line.relay.behave(Trunk.DEAD)
    line.dial("c1")
    line.dial("c1")
    assert _is_quiet(line.pbx)
    line.relay.behave(Trunk.OPEN)
    line.dial("c1")
    assert _is_quiet(line.trunk)
    line.dial("c2")
    line.trunk.settimeout(LONG_S)
    assert b"Call-ID: c2" in line.trunk.recv(65_536)
    assert counts([line.relay]) == {"dialled tel:+79161234567": 1}
