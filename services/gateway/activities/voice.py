"""What a machine says, on the log: in order, and nothing past a fact that was not acknowledged."""

import asyncio
from collections import deque
from typing import Final

import structlog

from contracts.ids import PbxId
from runtime.edge import EdgePorts, NotSaid
from services.gateway.decider import Gateway, Say

TOGETHER_MAX: Final = 50
"""A record batch stays far below a broker's 1 MiB."""
AGAIN_S: Final = 0.2
AGAIN_S_MAX: Final = 5.0
OUTBOX_MAX: Final = 10_000
"""Beyond this the log has not taken anything for minutes: the process ends, and rebuilds when it can."""

log = structlog.get_logger(__name__)


class Voice:
    """The outbox of one PBX; it belongs to one machine at a time."""

    def __init__(self, pbx_id: PbxId, ports: EdgePorts) -> None:
        self._pbx_id = pbx_id
        self._ports = ports
        self._machine: Gateway | None = None
        self._outbox: deque[Say] = deque()
        self._is_filled = asyncio.Event()

    def belong_to(self, machine: Gateway | None) -> None:
        """From now on this machine speaks; what a former one had not said is void."""
        self._machine = machine
        self._outbox = deque()

    def say(self, said: Say) -> None:
        """Append this after all that was said before."""
        if len(self._outbox) >= OUTBOX_MAX:
            raise RuntimeError(f"{self._pbx_id}: the log has not taken {OUTBOX_MAX} facts")
        self._outbox.append(said)
        self._is_filled.set()

    async def run(self) -> None:
        """Speak for as long as the process lives."""
        while True:
            await self._is_filled.wait()
            self._is_filled.clear()
            while self._outbox and self._machine is not None:
                outbox = self._outbox
                batch = _together(outbox)
                if await self._is_said(self._machine, outbox, batch) and self._outbox is outbox:
                    for _ in batch:
                        outbox.popleft()

    async def _is_said(self, machine: Gateway, outbox: deque[Say], batch: list[Say]) -> bool:
        """Send the same facts under the same numbers until they are acknowledged, or void."""
        pause_s = AGAIN_S
        while self._outbox is outbox:
            try:
                await self._ports.say(
                    tuple(each.fact for each in batch),
                    organization_id=machine.organization_id,
                    source=machine.source,
                    cause=batch[0].cause,
                    seq=batch[0].seq,
                    incarnation=machine.incarnation or 0,
                )
            except NotSaid as error:
                log.warning("gateway.not_said", pbx_id=self._pbx_id, reason=str(error))
                await self._ports.clock.sleep(pause_s)
                pause_s = min(AGAIN_S_MAX, pause_s * 2)
            else:
                return True
        return False


def _together(outbox: deque[Say]) -> list[Say]:
    """The first facts that have one cause: they travel in one record batch."""
    batch: list[Say] = []
    for each in outbox:
        if each.cause != outbox[0].cause or len(batch) == TOGETHER_MAX:
            break
        batch.append(each)
    return batch
