"""Legs that we dial: create the channel, wait until it is in our application, dial it.

A channel that is originated in one request is hung up when it is answered while nobody listens to our
application; one that is created and then dialled is still there, answered, when we are back.
"""

import asyncio
import re
from typing import Final

import structlog

from contracts import telephony
from contracts.addresses import is_public
from contracts.ids import Address
from contracts.plain_text import cleaned
from services.gateway.asterisk import causes
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.client import CONFLICT, TRIES, Reply, ReplyLost, path
from services.gateway.asterisk.ids import is_fit, marked
from services.gateway.asterisk.legs import Leg, Step
from services.gateway.port import Ended, Result

STASIS_S_MAX: Final = 2.0
"""A created channel is in our application within milliseconds."""
RING_S_MORE: Final = 5
"""The gateway ends what rings too long; Asterisk does so this much later, when the gateway is dead."""
RING_MS: Final = "RINGBACK_RING_MS"
"""The channel's variable that has the ring limit, for a gateway that starts while the phone rings."""
FREE: Final = "RINGBACK_FREE"
"""The channel's variable that says that it left Asterisk's own bridge: whatever it hears is not disturbed."""
DIALLED: Final = "dialled"
"""The argument of our application for a leg that we dial."""
HEADER: Final = "X-Ringback-"
HEADER_LENGTH_MAX: Final = 128
_NAME: Final = re.compile(r"[A-Za-z0-9\-]{1,40}")

log = structlog.get_logger(__name__)


class Dialling:
    """The commands here are called in the queue of the leg's commands."""

    def __init__(self, adapter: AdapterState) -> None:
        self._adapter = adapter

    async def dial(self, command: telephony.DialLeg) -> tuple[Result, str]:
        """Dial a leg, or go on where an unanswered request stopped; the reason is for a refusal."""
        adapter = self._adapter
        if adapter.legs.was_there(command.leg_id):
            return Result.ALREADY, ""
        leg = adapter.legs.get(command.leg_id)
        if leg is not None and leg.step is Step.DIALLED:
            return Result.ALREADY, ""
        dialled = adapter.address.dialled(command.address)
        if dialled is None or not is_fit(command.leg_id):
            return Result.REFUSED, "not_dialled"
        if leg is None:
            leg = Leg(
                leg_id=command.leg_id,
                channel_id=marked(command.leg_id),
                is_arrived=False,
                since_at=adapter.now(),
                is_public=is_public(command.address),
                device=dialled if command.address.startswith("sip:") else "",
                ring_ms_max=command.ring_ms_max,
            )
            adapter.legs.put(leg)
        if leg.step is Step.NOTHING and not await self._create(leg, command, dialled):
            return Result.DONE, ""
        await self._dial(leg)
        return Result.DONE, ""

    async def _create(self, leg: Leg, command: telephony.DialLeg, dialled: str) -> bool:
        """Whether there is a channel that can be dialled; if not, its end was told."""
        adapter = self._adapter
        reply = await adapter.request(
            "POST",
            "channels/create",
            query={
                "endpoint": dialled,
                "app": adapter.address.app,
                "appArgs": DIALLED,
                "channelId": leg.channel_id,
            },
            body={"variables": variables(command)},
        )
        if not reply.is_ok and reply.status != CONFLICT:
            self._over(leg, await self._code_of_nobody(command.address))
            return False
        leg.step = max(leg.step, Step.CREATED)
        try:
            async with asyncio.timeout(STASIS_S_MAX):
                await leg.in_stasis.wait()
        except TimeoutError:
            log.warning("gateway.channel_not_in_application", pbx_id=adapter.pbx_id, leg_id=leg.leg_id)
        return not leg.is_over

    async def _code_of_nobody(self, address: Address) -> int:
        """Why there is no channel: Asterisk has no such endpoint, or nothing is registered there."""
        endpoint = self._adapter.address.endpoint(address)
        reply = await self._adapter.request("GET", path("endpoints", *(endpoint or ("", ""))))
        if is_public(address):
            log.error(
                "gateway.trunk_unusable",
                pbx_id=self._adapter.pbx_id,
                endpoint="/".join(endpoint or ()),
                remedy="`trunk` in the address of RINGBACK_PBXS names one of `pjsip show endpoints`",
            )
            return causes.NO_SERVICE
        if reply.status == causes.NOT_FOUND:
            return causes.NOT_FOUND
        return causes.UNAVAILABLE if address.startswith("sip:") else causes.NO_SERVICE

    async def _dial(self, leg: Leg) -> None:
        if leg.is_over or leg.step is Step.DIALLED:
            return
        seconds = leg.ring_ms_max // 1000 + RING_S_MORE
        was_asked, leg.is_dial_asked = leg.is_dial_asked, True
        reply = await self._adapter.request(
            "POST", path("channels", leg.channel_id, "dial"), query={"timeout": str(seconds)}
        )
        if reply.is_ok or (was_asked and reply.status == CONFLICT) or leg.is_over:
            # A conflict with ourselves: the phone rings, and neither the reply nor the event has come.
            leg.step = Step.DIALLED
            return
        log.warning(
            "gateway.channel_not_dialled", pbx_id=self._adapter.pbx_id, leg_id=leg.leg_id, status=reply.status
        )
        await self._adapter.request("DELETE", path("channels", leg.channel_id))
        self._over(leg, causes.NO_SERVICE)

    def _over(self, leg: Leg, code: int) -> None:
        """The leg never became a call."""
        if not leg.is_over:
            self._adapter.forget(leg)
            self._adapter.tell(Ended(leg_id=leg.leg_id, by_party=False, code=code))

    async def leave_dial_bridge(self, leg: Leg) -> None:
        """Set a dialled channel free that was answered.

        It is in a bridge of Asterisk's own then, where it can't be recorded. Adding it to another bridge and
        removing it there makes it free.
        """
        for _ in range(TRIES):
            try:
                # Both at once: Asterisk carries them out in order, and a slow network is waited for once.
                replies = await asyncio.gather(
                    *(self._move(leg, way) for way in ("addChannel", "removeChannel"))
                )
            except ReplyLost:
                continue
            if not all(each.is_ok for each in replies) and not leg.is_over:
                statuses = [each.status for each in replies]
                log.info(
                    "gateway.dial_bridge_kept",
                    pbx_id=self._adapter.pbx_id,
                    leg_id=leg.leg_id,
                    statuses=statuses,
                )
            return

    async def _move(self, leg: Leg, way: str) -> Reply:
        uri = path("bridges", self._adapter.holding, way)
        return await self._adapter.request("POST", uri, query={"channel": leg.channel_id})

    async def note_free(self, leg: Leg) -> None:
        """Let a gateway that starts later know that this channel need not be set free any more."""
        await self._adapter.set_variable(leg.channel_id, FREE, "1")


def variables(command: telephony.DialLeg) -> dict[str, str]:
    """What a channel is given before it is dialled: the shown caller, the ring limit, headers."""
    found = {RING_MS: str(command.ring_ms_max)}
    if command.caller_id:
        found["CONNECTEDLINE(num)"] = cleaned(command.caller_id)[:HEADER_LENGTH_MAX]
    if not is_public(command.address):
        if command.display_name:
            found["CONNECTEDLINE(name)"] = cleaned(command.display_name)[:HEADER_LENGTH_MAX]
        for name, value in command.headers.items():
            if _NAME.fullmatch(name):
                header = f"PJSIP_HEADER(add,{HEADER}{name.title()})"
                found[header] = cleaned(value)[:HEADER_LENGTH_MAX]
    return found
