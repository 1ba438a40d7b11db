"""Shows each employee the own page's present: once, or whole again after every change of it.

The live rows say what an agent does, the open contacts in which call. Both are read once for all who look,
and by rights only what has changed. A direct call changes no live row, so that a feed looks by itself, too.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.ids import AgentId, OrganizationId
from runtime.ports import Clock
from runtime.sql import NotConnected
from services.history.activities import own_calls
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.live_feed import LiveFeed
from services.history.activities.live_streams import Ended, EventKind, Stream, event
from services.history.rules import own_now
from services.history.rules.errors import Code, Refused
from services.history.rules.live_state import LiveState
from services.history.rules.own_now import OwnNow, OwnState

LOOK_S: Final = 1.0
"""How often a feed looks for itself: for direct calls, for what the clock changes, for lost wake-ups."""
PAUSE_S: Final = 0.25
"""Between two looks of a busy minute: a change is on the page within a second all the same."""
_log = structlog.get_logger()


class _Follower:
    """One open stream, the rights it was checked by, and what it was told."""

    def __init__(self, stream: Stream, agent_id: AgentId, rights_version: int) -> None:
        self.stream = stream
        self.agent_id = agent_id
        self.rights_version = rights_version
        self.told: tuple[OwnState | None, int] | None = None
        """The state, and a mark of the open contacts."""


class _Followed:
    """One organization's people who look."""

    def __init__(self) -> None:
        self.followers: dict[Stream, _Follower] = {}
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def end_all(self, reason: Ended) -> None:
        """End every stream."""
        for each in list(self.followers):
            each.end(reason)
        self.followers.clear()

    def ended(self, task: asyncio.Task[None]) -> None:
        """Nobody follows any more: streams that went on would look alive and stand still."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("somebody's own present can't be shown", exc_info=error)
            self.end_all(Ended.UNAVAILABLE)


class OwnFeed:
    """What is one's own, of every organization in which somebody looks."""

    def __init__(
        self, *, engine: AsyncEngine, clock: Clock, authentication: Authentication, live: LiveFeed
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._authentication = authentication
        self._live = live
        self._followed: dict[OrganizationId, _Followed] = {}
        self._is_stopping = False

    def wake(self, organization_id: OrganizationId) -> None:
        """Something has changed in the tables."""
        found = self._followed.get(organization_id)
        if found is not None:
            found.woken.set()

    async def now(self, principal: Principal) -> OwnNow:
        """An employee's present, as of the last batch."""
        state, _ = await self._live.state(principal.organization_id)
        async with self._engine.connect() as connection:
            return await self._now(connection, principal, state)

    async def _now(self, connection: AsyncConnection, principal: Principal, state: LiveState) -> OwnNow:
        assert principal.agent_id is not None
        at = self._clock.now()
        part = await own_calls.own_part(connection, principal, principal.agent_id)
        earlier = [] if part is None else await own_calls.earlier(connection, principal, part.contact)
        return OwnNow(
            at=at,
            state=own_now.state_of(state, principal.agent_id, at),
            call=None if part is None else own_now.call_of(part, earlier),
        )

    async def open(self, principal: Principal) -> Stream:
        """A stream that begins with what is now. Raises Refused.

        Rights are asked again once their version is known: a change before that would be noticed by nobody.
        """
        organization_id = principal.organization_id
        _, rights_version = await self._live.state(organization_id)
        principal = await self._authentication.again(principal)
        if principal.agent_id is None or self._is_stopping:
            raise Refused(Code.STARTING)
        stream = Stream(principal)
        followed = self._followed.setdefault(organization_id, _Followed())
        followed.followers[stream] = _Follower(stream, principal.agent_id, rights_version)
        followed.woken.set()
        if followed.task is None or followed.task.done():
            followed.task = asyncio.create_task(self._follow(organization_id, followed))
            followed.task.add_done_callback(followed.ended)
        return stream

    def leave(self, principal: Principal, stream: Stream) -> None:
        """A stream's client has gone, or has been told its end."""
        stream.end(Ended.LEFT)
        followed = self._followed.get(principal.organization_id)
        if followed is not None:
            followed.followers.pop(stream, None)

    def end_streams(self) -> None:
        """End every stream, and open no others: the process stops."""
        self._is_stopping = True
        for each in self._followed.values():
            each.end_all(Ended.RESTARTED)

    async def stop(self) -> None:
        """End what runs."""
        self.end_streams()
        running = [each.task for each in self._followed.values() if each.task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _follow(self, organization_id: OrganizationId, followed: _Followed) -> None:
        """Bring an organization's streams up to date as long as there are any."""
        while followed.followers:
            try:
                async with asyncio.timeout(LOOK_S):
                    await followed.woken.wait()
            except TimeoutError:
                pass
            followed.woken.clear()
            try:
                await self._look(organization_id, followed)
            except (DBAPIError, NotConnected, OSError) as error:
                _log.warning("somebody's own present can't be read", error=str(error))
                followed.end_all(Ended.UNAVAILABLE)
            await asyncio.sleep(PAUSE_S)

    async def _look(self, organization_id: OrganizationId, followed: _Followed) -> None:
        state, rights_version = await self._live.state(organization_id)
        for each in list(followed.followers.values()):
            if not await self._may_still(each, rights_version):
                each.stream.end(Ended.RIGHTS)
                followed.followers.pop(each.stream, None)
        async with self._engine.connect() as connection:
            documents = await own_calls.open_documents(connection, organization_id)
            marks = _marks(documents)
            for each in list(followed.followers.values()):
                at = self._clock.now()
                found = (own_now.state_of(state, each.agent_id, at), marks.get(each.agent_id, 0))
                if each.stream.ended is None and found != each.told:
                    now = await self._now(connection, each.stream.principal, state)
                    each.stream.push(event(EventKind.NOW, now))
                    each.told = found
        for stream in [stream for stream in followed.followers if stream.ended is not None]:
            followed.followers.pop(stream, None)

    async def _may_still(self, follower: _Follower, rights_version: int) -> bool:
        """Whether somebody may see it still, by rights that were looked up after their last change."""
        stream = follower.stream
        claims = stream.principal.claims
        if claims is not None and claims.expires_at is not None and claims.expires_at <= self._clock.now():
            return False
        if follower.rights_version == rights_version:
            return True
        try:
            principal = await self._authentication.again(stream.principal)
        except Refused:
            return False
        follower.rights_version = rights_version
        return principal.holder == stream.principal.holder


def _marks(documents: Iterable[tuple[AgentId, str]]) -> dict[AgentId, int]:
    """A mark of each agent's open contacts, which is another one when they are."""
    found: dict[AgentId, list[str]] = defaultdict(list)
    for agent_id, document in documents:
        found[agent_id].append(document)
    return {agent_id: hash(tuple(each)) for agent_id, each in found.items()}
