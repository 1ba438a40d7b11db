"""Shows the present to whoever asks, and to those who stay: read once for each organization, made once for
each reach, and sent to every stream of it.

A batch of the projector wakes the feeds of all replicas: in its own process by a call, in others by
PostgreSQL's NOTIFY (`live_wakeups`). Each second a feed looks by itself whether it missed one.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

import structlog
from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.ids import DepartmentId, Instant, OrganizationId
from contracts.rights import Action
from runtime.ports import Clock
from runtime.sql import NotConnected
from services.history.activities import live_rows, tables
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.live_rows import Version
from services.history.activities.live_streams import Ended, EventKind, LiveStream, event
from services.history.rules import live_reach
from services.history.rules.errors import Code, Refused
from services.history.rules.live_changes import LiveChange
from services.history.rules.live_contacts import LiveKey, LiveKind
from services.history.rules.live_reach import LiveReach
from services.history.rules.live_shown import Changes, Live, Removed
from services.history.rules.live_state import LiveState
from services.history.rules.live_view import View

LOOK_S: Final = 1.0
"""How often a feed looks for itself. So a lost wake-up costs a second, and a right ends in two."""
IDLE_S: Final = 60.0
"""How long an organization that nobody watches stays in memory, for programs that ask again and again."""
VIEWS_MAX: Final = 200
"""Reaches of one organization in memory: every set of departments that somebody heads."""
ERA_LENGTH: Final = 8
_ID: Final = re.compile(r"(-?[0-9]{1,18})\.([0-9a-f]+)")
_log = structlog.get_logger()


class _Watched:
    """One organization's present in this process."""

    def __init__(self, organization_id: OrganizationId, era: str) -> None:
        self.organization_id = organization_id
        self.era = era
        """The log that offsets are of: an id of another one can't be continued."""
        self.state = LiveState()
        self.known: Version | None = None
        self.views: dict[LiveReach, View] = {}
        self.streams: set[LiveStream] = set()
        self.one_at_a_time = asyncio.Lock()
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.used_s = 0.0

    @property
    def version(self) -> int:
        """The offset as of which the state is."""
        return -1 if self.known is None else self.known.version

    def id_of(self, reach: LiveReach) -> str:
        """What an event of a reach is called: the version, and whose it is."""
        return f"{self.version}.{self.era}{reach.digest}"

    def forget(self) -> None:
        """Begin anew: the tables are."""
        self.state, self.known = LiveState(), None
        self.views.clear()
        self.end_all(Ended.RESTARTED)

    def followed(self, task: asyncio.Task[None]) -> None:
        """Nobody follows any more: streams that went on would look alive and stand still."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("the present can't be shown", organization_id=self.organization_id, exc_info=error)
            self.end_all(Ended.UNAVAILABLE)

    def end_all(self, reason: Ended) -> None:
        """End every stream."""
        for each in list(self.streams):
            each.end(reason)
        self.streams.clear()


class LiveFeed:
    """The present of every organization that somebody looks at."""

    def __init__(self, *, engine: AsyncEngine, clock: Clock, authentication: Authentication) -> None:
        self._engine = engine
        self._clock = clock
        self._authentication = authentication
        self._watched: dict[OrganizationId, _Watched] = {}
        self._is_stopping = False

    def wake(self, organization_id: OrganizationId) -> None:
        """Something has changed in the tables."""
        found = self._watched.get(organization_id)
        if found is not None:
            found.woken.set()

    async def snapshot(self, principal: Principal) -> Live:
        """The present, as of the last batch. Raises Refused."""
        reach = await self._reach(principal)
        watched = await self._watch(principal.organization_id)
        async with watched.one_at_a_time:
            await self._refresh(watched)
            view = self._view(watched, reach)
            return view.whole(watched.version, self._clock.now())

    async def state(self, organization_id: OrganizationId) -> tuple[LiveState, int]:
        """An organization's present as of the last batch, and the last offset that changed rights."""
        watched = await self._watch(organization_id)
        async with watched.one_at_a_time:
            await self._refresh(watched)
            assert watched.known is not None
            return watched.state, watched.known.rights_version

    async def _reach(self, principal: Principal) -> LiveReach:
        """How far somebody sees. Raises Refused without the right, and records that."""
        reach = live_reach.of(principal.holder)
        if reach is None:
            await self._authentication.refuse(principal, Action.LIVE_READ, "live")
        assert reach is not None
        return reach

    async def open(self, principal: Principal, last_event_id: str) -> LiveStream:
        """A stream that begins with the present, or with what has changed since the last event's id.

        Raises Refused. Rights are asked again once their version is known: a change before that would be
        noticed by nobody.
        """
        watched = await self._watch(principal.organization_id)
        async with watched.one_at_a_time:
            await self._refresh(watched)
            if self._is_stopping:
                raise Refused(Code.STARTING)
            principal = await self._authentication.again(principal)
            view = self._view(watched, await self._reach(principal))
            stream = LiveStream(principal, view.reach)
            changes = await self._since(watched, view, last_event_id)
            if changes is None:
                whole = view.whole(watched.version, self._clock.now())
                stream.push(event(EventKind.SNAPSHOT, whole, watched.id_of(view.reach)))
            else:
                stream.push(event(EventKind.CHANGES, changes, watched.id_of(view.reach)))
            watched.streams.add(stream)
            if watched.task is None or watched.task.done():
                watched.task = asyncio.create_task(self._follow(watched))
                watched.task.add_done_callback(watched.followed)
        return stream

    def leave(self, principal: Principal, stream: LiveStream) -> None:
        """A stream's client has gone, or has been told its end."""
        stream.end(Ended.LEFT)
        watched = self._watched.get(principal.organization_id)
        if watched is not None:
            watched.streams.discard(stream)

    def end_streams(self) -> None:
        """End every stream, and open no others: the process stops."""
        self._is_stopping = True
        for each in self._watched.values():
            each.end_all(Ended.RESTARTED)

    async def stop(self) -> None:
        """End what runs."""
        self.end_streams()
        running = [each.task for each in self._watched.values() if each.task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _watch(self, organization_id: OrganizationId) -> _Watched:
        now_s = asyncio.get_running_loop().time()
        for id_, each in list(self._watched.items()):
            if not each.streams and not each.one_at_a_time.locked() and now_s - each.used_s > IDLE_S:
                del self._watched[id_]
        found = self._watched.get(organization_id)
        if found is None:
            async with self._engine.connect() as connection:
                era = await _era(connection)
            found = self._watched.setdefault(organization_id, _Watched(organization_id, era))
        found.used_s = now_s
        return found

    def _view(self, watched: _Watched, reach: LiveReach) -> View:
        """The view of a reach, up to date. What its streams were told last is not touched."""
        reach = live_reach.without_own(reach, watched.state.agents.departments())
        used = {each.reach for each in watched.streams}
        if reach not in watched.views and len(watched.views) >= VIEWS_MAX:
            watched.views = {key: each for key, each in watched.views.items() if key in used}
        view = watched.views.setdefault(reach, View(reach))
        if reach not in used:
            view.refresh(watched.state, watched.version, self._clock.now())
        return view

    async def _since(self, watched: _Watched, view: View, last_event_id: str) -> Changes | None:
        """What has changed since an event; None where that can't be said: too old, or of another reach."""
        asked = _ID.fullmatch(last_event_id)
        known, state = watched.known, watched.state
        if asked is None or known is None or asked[2] != watched.id_of(view.reach).partition(".")[2]:
            return None
        version = int(asked[1])
        # After another seating, or other names, the lists may have lost rows of which no row tells.
        if not known.forgotten <= version <= known.version or state.settings_offset > version:
            return None
        async with self._engine.connect() as connection:
            over = await live_rows.over_since(connection, watched.organization_id, version)
        changed = frozenset(subject for (_, subject), offset in state.offsets.items() if offset > version)
        removed = _removed(over, view.reach)
        return view.since(watched.version, self._clock.now(), changed=changed, removed=removed)

    async def _follow(self, watched: _Watched) -> None:
        """Bring an organization's streams up to date as long as there are any."""
        while watched.streams:
            try:
                async with asyncio.timeout(LOOK_S):
                    await watched.woken.wait()
            except TimeoutError:
                pass
            watched.woken.clear()
            try:
                async with watched.one_at_a_time:
                    await self._refresh(watched)
            except (DBAPIError, NotConnected, OSError) as error:
                _log.warning("the present can't be read", error=str(error))
                watched.end_all(Ended.UNAVAILABLE)

    async def _refresh(self, watched: _Watched) -> None:
        """Read what has changed, and send it to whoever may still see it."""
        async with self._engine.connect() as connection:
            found = await live_rows.version(connection, watched.organization_id)
            if watched.known is not None and found.version < watched.known.version:
                watched.forget()
            rows = []
            if watched.known is None or found.version != watched.known.version:
                since = None if watched.known is None else watched.known.version
                rows = await live_rows.changed_since(connection, watched.organization_id, since)
        has_other_rights = watched.known is None or found.rights_version != watched.known.rights_version
        for row in rows:
            watched.state.put(LiveKind(row.kind), row.subject, _change(row))
        if has_other_rights and watched.streams:
            # Before the version is known as seen: whoever fails here leaves the question to the next one.
            await self._check_rights(watched)
        last = max((row.offset for row in rows), default=found.version)
        watched.known = Version(
            version=max(found.version, last),
            rights_version=found.rights_version,
            forgotten=found.forgotten,
        )
        self._end_expired(watched)
        self._send(watched)

    def _send(self, watched: _Watched) -> None:
        now_at = self._clock.now()
        streams: dict[LiveReach, list[LiveStream]] = {}
        for each in watched.streams:
            streams.setdefault(each.reach, []).append(each)
        for reach, told in streams.items():
            changes = watched.views[reach].refresh(watched.state, watched.version, now_at)
            if changes is None:
                continue
            data = event(EventKind.CHANGES, changes, watched.id_of(reach))
            for each in told:
                each.push(data)
        watched.streams = {each for each in watched.streams if each.ended is None}

    async def _check_rights(self, watched: _Watched) -> None:
        """End the streams of those who may not see any more what they see, before anything more is sent."""
        for each in list(watched.streams):
            if not await self._still_sees(watched, each):
                each.end(Ended.RIGHTS)
                watched.streams.discard(each)

    async def _still_sees(self, watched: _Watched, stream: LiveStream) -> bool:
        try:
            principal = await self._authentication.again(stream.principal)
        except Refused:
            return False
        reach = live_reach.of(principal.holder)
        if reach is None:
            return False
        return live_reach.without_own(reach, watched.state.agents.departments()) == stream.reach

    def _end_expired(self, watched: _Watched) -> None:
        """A stream lasts as long as its token: whoever still has the login comes back with the next one."""
        now_at = self._clock.now()
        for each in list(watched.streams):
            claims = each.principal.claims
            if claims is not None and claims.expires_at is not None and claims.expires_at <= now_at:
                each.end(Ended.RIGHTS)
                watched.streams.discard(each)


async def _era(connection: AsyncConnection) -> str:
    """A mark of the log that offsets are of."""
    table = tables.positions
    log_id = await connection.scalar(select(table.c.log_id).order_by(table.c.partition).limit(1))
    return hashlib.sha256((log_id or "").encode()).hexdigest()[:ERA_LENGTH]


def _change(row: Row[Any]) -> LiveChange:
    return LiveChange(offset=row.offset, at=Instant(row.at), document=row.document, type=row.type)


def _removed(over: Iterable[tuple[LiveKey, DepartmentId | None]], reach: LiveReach) -> Removed:
    """The places and callbacks that have ended, as far as somebody may know of them."""
    known = [key for key, department_id in over if department_id is None or reach.has(department_id)]
    return Removed(
        places=tuple(id_ for kind, id_ in known if kind is LiveKind.PLACE),
        callbacks=tuple(id_ for kind, id_ in known if kind is LiveKind.CALLBACK),
    )
