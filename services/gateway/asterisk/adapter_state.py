"""What the parts of the adapter share: the client, the legs, the order of work, the way to the gateway."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from contracts.ids import Instant, PbxId
from services.gateway.asterisk.address import AsteriskAddress
from services.gateway.asterisk.ari import AriEvent, AriObject, instant_ms
from services.gateway.asterisk.client import AriClient, NotConnected, Reply, path
from services.gateway.asterisk.ids import marked
from services.gateway.asterisk.leg_queues import LegQueues
from services.gateway.asterisk.legs import Leg, Legs
from services.gateway.port import AnyPbxEvent


class Part(Protocol):
    """A part of the adapter. Every event of Asterisk and every end of a leg is passed to every part."""

    def hear(self, event: AriEvent) -> None:
        """Take an event, in Asterisk's order; what has to wait is put into a queue."""

    def leg_over(self, leg: Leg) -> None:
        """A leg is gone; `Ended` is told right after this."""

    def lost(self) -> None:
        """The connection is gone, with every event from now on: forget what only events would tell."""


class _Value(AriObject, frozen=True, kw_only=True):
    value: str = ""


class AdapterState:
    """The shared state of one adapter. The client changes with every connection.

    Raises ValueError if the address names certificates that can't be read.
    """

    def __init__(
        self,
        pbx_id: PbxId,
        address: AsteriskAddress,
        tell: Callable[[AnyPbxEvent], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.pbx_id = pbx_id
        self.address = address
        self.tls = address.tls()
        self.tell = tell
        self.legs = Legs()
        self.queues = LegQueues(on_failure)
        self.client: AriClient | None = None
        self.parts: tuple[Part, ...] = ()
        self.holding = marked(f"holding.{address.app}")
        """A bridge in which nobody stays (see `dialling`)."""
        self.clock_ms_behind = 0
        """How much Asterisk's clock is behind ours; negative if it is ahead."""

    async def request(
        self,
        method: str,
        uri: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        is_harmless: bool = False,
    ) -> Reply:
        """Ask Asterisk on the present connection. Raises AriError.

        Reading and deleting, and what is said to do no harm a second time, is asked again when a reply is
        lost: whoever goes on with the reply is not always asked again by the gateway.
        """
        if self.client is None:
            raise NotConnected(method)
        is_harmless = is_harmless or method in ("GET", "DELETE")
        ask = self.client.insist if is_harmless else self.client.request
        return await ask(method, uri, query=query, body=body)

    async def set_variable(self, channel_id: str, name: str, value: str) -> Reply:
        """Note something on a channel, for a gateway that starts later. Raises AriError."""
        return await self.request(
            "POST",
            path("channels", channel_id, "variable"),
            query={"variable": name, "value": value},
            is_harmless=True,
        )

    async def variable(self, channel_id: str, name: str) -> str:
        """A channel's variable or function of the dialplan, empty if there is none. Raises AriError."""
        reply = await self.request("GET", path("channels", channel_id, "variable"), query={"variable": name})
        return reply.read(_Value).value if reply.is_ok else ""

    def forget(self, leg: Leg) -> None:
        """A leg is gone: every part is told, and its id is not used again."""
        leg.is_over = True
        leg.in_stasis.set()
        self.legs.drop(leg)
        for part in self.parts:
            part.leg_over(leg)

    @staticmethod
    def now() -> Instant:
        """This adapter's clock."""
        return Instant(time.time_ns() // 1_000_000)

    def instant(self, timestamp: str) -> Instant:
        """An instant of Asterisk's clock by ours; now, if it can't be read."""
        at = instant_ms(timestamp)
        return self.now() if at is None else Instant(at + self.clock_ms_behind)
