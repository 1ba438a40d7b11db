"""Stands between a PBX and its trunk: passes SIP on unchanged, or answers as a bad trunk does.

Only what begins a call comes this way. Once a phone has answered, PBX and phone speak with each other at the
addresses that they gave themselves, so a trunk that goes bad ends no conversation.
"""

import asyncio
import secrets
from collections import Counter
from enum import StrEnum
from typing import Final

from devtools.chaos.loop_thread import LoopThread
from devtools.sip import SipMessage

SIP_PORT: Final = 5060


class Trunk(StrEnum):
    """How the trunk treats new calls."""

    OPEN = "open"
    REFUSES = "refuses"
    """503 for every call."""
    HOLDS = "holds"
    """183 without sound, and nothing more until the caller gives up."""
    DEAD = "dead"


class _Upstream(asyncio.DatagramProtocol):
    """The relay as the trunk sees it; what comes back goes to the PBX."""

    def __init__(self, relay: "TrunkRelay") -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._relay.to_pbx(data)


class _Downstream(asyncio.DatagramProtocol):
    def __init__(self, relay: "TrunkRelay") -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._relay.from_pbx(data, source)


class TrunkRelay(LoopThread):
    """The trunk of one PBX, at a loopback address of its own.

    It speaks with the network from the address of the PBX, since that is how the network knows its customers.
    """

    def __init__(self, name: str, address: str, pbx_address: str, trunk_address: str) -> None:
        super().__init__(f"trunk of {name}")
        self.address = address
        self.refused: Counter[str] = Counter()
        """Calls that the trunk took no further, each once, by the dialled number."""
        self._pbx_address = pbx_address
        self._trunk = (trunk_address, SIP_PORT)
        self._mood = Trunk.OPEN
        self._own: dict[str, SipMessage] = {}
        """Calls that the relay itself answered, by Call-ID; their other messages stay here, too."""
        self._dropped: set[str] = set()
        self._pbx: tuple[str, int] | None = None
        self._tag = secrets.token_hex(6)
        self._up: asyncio.DatagramTransport | None = None
        self._down: asyncio.DatagramTransport | None = None

    def behave(self, mood: Trunk) -> None:
        """Treat new calls so from now on."""
        self._mood = mood

    async def _live(self) -> None:
        self._down, _ = await self._loop.create_datagram_endpoint(
            lambda: _Downstream(self), local_addr=(self.address, SIP_PORT)
        )
        self._up, _ = await self._loop.create_datagram_endpoint(
            lambda: _Upstream(self), local_addr=(self._pbx_address, 0)
        )
        self._begun.set()
        await self._stopped.wait()
        self._up.close()
        self._down.close()

    def to_pbx(self, data: bytes) -> None:
        """Pass on what the trunk says."""
        if self._down is not None and self._pbx is not None and self._mood is not Trunk.DEAD:
            self._down.sendto(data, self._pbx)

    def from_pbx(self, data: bytes, source: tuple[str, int]) -> None:
        """Pass on what the PBX says, or answer it."""
        self._pbx = source
        found = SipMessage.read(data)
        call_id = "" if found is None else found.get("Call-ID")
        is_new = found is not None and found.method == "INVITE" and not found.code and not found.is_in_dialog
        if call_id in self._dropped:
            return
        if found is not None and call_id in self._own:
            self._go_on(found, source)
        elif self._mood is Trunk.DEAD:
            # Repetitions of an INVITE that is not answered must not count, nor come through later.
            if is_new and found is not None:
                self._dropped.add(call_id)
                self.refused[found.called] += 1
        elif self._mood is not Trunk.OPEN and is_new and found is not None:
            self.refused[found.called] += 1
            self._own[call_id] = found
            self._go_on(found, source)
        elif self._up is not None:
            self._up.sendto(data, self._trunk)

    def _go_on(self, found: SipMessage, source: tuple[str, int]) -> None:
        invite = self._own[found.get("Call-ID")]
        match found.method:
            case "INVITE":
                self._say(invite.answer(503 if self._mood is Trunk.REFUSES else 183, self._tag), source)
            case "CANCEL":
                self._say(found.answer(200, self._tag), source)
                self._say(invite.answer(487, self._tag), source)
            case _:
                pass

    def _say(self, message: SipMessage, to: tuple[str, int]) -> None:
        if self._down is not None:
            self._down.sendto(message.data(), to)


def counts(relays: list[TrunkRelay]) -> Counter[str]:
    """How often each number was dialled in vain, in the words of the phones' own counts."""
    found: Counter[str] = Counter()
    for relay in relays:
        found.update({f"dialled tel:{number}": count for number, count in relay.refused.items()})
    return found
