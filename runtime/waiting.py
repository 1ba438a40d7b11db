"""Waits at the start for parts that are away: no outage becomes a loop of restarts (decision 0049)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from runtime.lack import Lack

ASK_AGAIN_S: Final = 5.0
"""A round of questions makes an object in S3 and a connection to each part: often enough for an operator who
watches, and nothing that a part which has just come back would feel."""
TELL_S: Final = 15.0
TOGETHER_S: Final = 15.0
"""What a process can work without is waited for this long: whole installations start at once."""

_log = structlog.get_logger()


class Wait:
    """Asks what is missing until nothing is, or until waiting is of no use.

    It is of no use when something is missing that no time brings, after `wait_s` seconds (15 at most for what
    the process can work without), and once `ending` is set.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[Sequence[Lack]]], *, wait_s: float, ending: asyncio.Event
    ) -> None:
        self._ask = ask
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + wait_s
        self._works_without_from = self._loop.time() + min(wait_s, TOGETHER_S)
        self.lacks: Sequence[Lack] = ()
        """What the last answer said."""

    async def ask(self) -> None:
        """Ask once. A process that is to end does not wait for the answer of a silent part."""
        asking = asyncio.ensure_future(self._ask())
        ending = asyncio.ensure_future(self._ending.wait())
        await asyncio.wait((asking, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not asking.done():
            asking.cancel()
            await asyncio.wait((asking,))
            return
        self.lacks = asking.result()

    @property
    def is_of_use(self) -> bool:
        """Whether to go on."""
        is_over = self._ending.is_set() or self._left_s() == 0
        return bool(self.lacks) and all(each.may_pass for each in self.lacks) and not is_over

    def refuses(self) -> bool:
        """Whether the process can't begin; says then what is missing, all of it."""
        if not self._lacks_what_it_needs:
            return False
        for each in self.lacks:
            _log.error("missing", what=each.words)
        return True

    async def tell_until_there(self) -> None:
        """Say every 15 s what the process works without, until it is there."""
        while self.lacks:
            _log.warning("works without what is missing", missing=[each.words for each in self.lacks])
            await asyncio.sleep(TELL_S)
            # What it needs was there at the start, and its clients say when it goes.
            self.lacks = [each for each in await self._ask() if not (each.is_needed and each.may_pass)]
            if not self.lacks:
                _log.info("what was missing is there")

    async def until_over(self) -> None:
        """Go on as long as that is of use; say every 15 s for what, and for how long at most."""
        telling = asyncio.create_task(self._tell())
        try:
            while self.is_of_use:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), min(ASK_AGAIN_S, self._left_s()))
                await self.ask()
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        while True:
            missing = [each.words for each in self.lacks]
            _log.warning("waits for what is missing", missing=missing, left_s=round(self._left_s()))
            await asyncio.sleep(TELL_S)

    @property
    def _lacks_what_it_needs(self) -> bool:
        return any(each.is_needed for each in self.lacks)

    def _left_s(self) -> float:
        until = self._until if self._lacks_what_it_needs else self._works_without_from
        return max(0.0, until - self._loop.time())
