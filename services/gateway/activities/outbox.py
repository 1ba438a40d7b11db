"""The facts of one PBX on their way to the log: in order, and none past one that was not acknowledged."""

import asyncio
import itertools
from collections import deque
from typing import Final

import structlog

from contracts.ids import PbxId
from runtime.edge import EdgePorts, NotSaid
from services.gateway.decider import Gateway, Say

TOGETHER_MAX: Final = 50
"""A record batch stays far below a broker's 1 MiB. What waits goes together, since each batch is waited for:
of 200 calls at once the last one would be a second late."""
JOIN_S: Final = 0.001
"""How long the first fact waits for others. A PBX tells within a tenth of a millisecond that a call has ended
and that its phone is free (Asterisk, measured); in one batch the queue decides on both at once, and every
other reader is woken once."""
AGAIN_S: Final = 0.2
AGAIN_S_MAX: Final = 5.0
OUTBOX_MAX: Final = 10_000
"""Beyond this the log has not taken anything for minutes: the process ends, and rebuilds when it can."""

log = structlog.get_logger(__name__)


class Outbox:
    """The facts that wait to be sent; they belong to one machine at a time."""

    def __init__(self, pbx_id: PbxId, ports: EdgePorts) -> None:
        self._pbx_id = pbx_id
        self._ports = ports
        self._machine: Gateway | None = None
        self._waiting: deque[Say] = deque()
        self._is_filled = asyncio.Event()

    def belong_to(self, machine: Gateway | None) -> None:
        """Send this machine's facts from now on; drop those of a former one."""
        self._machine = machine
        self._waiting = deque()

    @property
    def is_empty(self) -> bool:
        """Whether everything is on the log."""
        return not self._waiting

    def say(self, said: Say) -> None:
        """Add a fact to the end."""
        if len(self._waiting) >= OUTBOX_MAX:
            raise RuntimeError(f"{self._pbx_id}: the log has not taken {OUTBOX_MAX} facts")
        self._waiting.append(said)
        self._is_filled.set()

    async def run(self) -> None:
        """Send facts as long as the process lives."""
        while True:
            await self._is_filled.wait()
            self._is_filled.clear()
            await self._ports.clock.sleep(JOIN_S)
            while self._waiting and self._machine is not None:
                waiting = self._waiting
                batch = list(itertools.islice(waiting, TOGETHER_MAX))
                if await self._is_said(self._machine, waiting, batch) and self._waiting is waiting:
                    for _ in batch:
                        waiting.popleft()

    async def _is_said(self, machine: Gateway, waiting: deque[Say], batch: list[Say]) -> bool:
        """Send the same facts under the same numbers until they are acknowledged, or dropped."""
        pause_s = AGAIN_S
        while self._waiting is waiting:
            try:
                await self._ports.say(
                    tuple(each.fact for each in batch),
                    organization_id=machine.organization_id,
                    source=machine.source,
                    cause=tuple(each.cause for each in batch),
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
