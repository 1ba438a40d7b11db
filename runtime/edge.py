"""What edges are written against: an edge reads commands or facts, touches the world, and says facts.

An edge is a function that builds its work from ports. In `services/<name>/service.py`:

    EDGE = Edge(name="tts", build=build, parts=("s3",))

    def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
        studio = Studio(blobs=ports.blobs, say=ports.say, ...)
        return EdgeWork(
            subscriptions=(
                Subscription(topic=SPEECH, hears=(RenderNotice,), handle=studio.render, concurrency_max=4),
            ),
        )

and in `__main__.py`: `run_edge(EDGE, Settings)`. A handler is
`async def render(self, heard: Heard) -> None`. It returns when it has answered the command on the log
(`await say(...)`). Only then is the offset committed: after a crash in between, the command comes again, so a
handler must be safe to repeat. A handler that raises is called again with growing pauses, `tries_max` times;
then the record becomes a dead letter. Unknown types, and types not in `hears`, are skipped by header; a
malformed value becomes a dead letter at once.

Nothing here is about Kafka: the runner is `runtime.edge_runner`, and a test or the simulation calls
`handle` itself and passes its own `say`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import msgspec

from contracts.codec import Envelope
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact, Message
from contracts.topics import Topic
from runtime.lack import Lack
from runtime.ports import Blobs, Clock, Log, Outgoing

TRIES_MAX = 8
"""With pauses of 0.2 s doubling to 30 s this takes about a minute; what lasts longer needs a person."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One record that a subscription asked for; `at` is the record's time on the log (ms)."""

    message: Message
    envelope: Envelope
    partition: int
    offset: int
    at: Instant


Handle = Callable[[Heard], Awaitable[None]]


class LeftToAnother(Exception):
    """Another process answers this record: it is not done here, and its offset is not committed."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Which records of a topic this process answers, by their keys.

    `is_by_group`: the broker gave them to this member of a group, and tells it within a heartbeat when it
    gives them to another; otherwise this process took them by itself.
    """

    is_ours: Callable[[str], bool]
    is_by_group: bool


ALL: Final = Share(is_ours=lambda _: True, is_by_group=False)
NONE: Final = Share(is_ours=lambda _: False, is_by_group=True)


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One topic that an edge reads.

    `concurrency_max` handlers run at once; 1 means strictly one after the other in the order of the log
    (per partition), which a gateway needs. With `from_start` the topic is read from its oldest retained
    record at every start and nothing is committed: a gateway rebuilds its legs from its own facts so, and
    reads back what it says.

    With `per_organization_max`, organizations take turns, and one has at most so many of those handlers at
    once: a record is read in advance of its turn, so that nobody waits behind a neighbour's ten thousand.

    With `linger_ms`, the broker lets records gather up to so long, since nobody waits for what is done with
    them; a fetch for each of them costs more than they do.

    `on_share` is called with this process's share whenever that changes, before the first record of it is
    handled, and with NONE when the process stops. Its handlers that can't end raise LeftToAnother then, and
    the process leaves its group when it has returned: another one takes over at once.
    """

    topic: Topic
    hears: tuple[type[Message], ...]
    handle: Handle
    concurrency_max: int = 8
    from_start: bool = False
    tries_max: int = TRIES_MAX
    per_organization_max: int | None = None
    linger_ms: int = 0
    on_share: Callable[[Share], Awaitable[None]] | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Where an acknowledged fact stands on the log of facts."""

    partition: int
    offset: int


class NotSaid(Exception):
    """No acknowledgement came: the facts may be on the log or not. Say them again before any others."""


class NeverSaid(NotSaid):
    """The log or its readers refuse these records, as for their size; saying them again does not help."""


class Say(Protocol):
    """Appends facts of one organization to the log of facts, in one record batch: all or none.

    `source` is `tts`, `voicemail.activities` or `gateway/<pbx_id>`. `seq` is the first fact's number, and the
    others count on from it; 0 means not numbered (results that are idempotent by their subject).
    `incarnation` is for gateways. `cause` is the id of the command or fact that is answered: one for all
    facts, or one for each. Returns each fact's offset once the broker has acknowledged them; raises NotSaid,
    and NeverSaid for a fact that is too large.
    """

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Append, and await the acknowledgement."""
        ...


async def nowhere(records: Sequence[Outgoing]) -> None:
    """Raise at any sending: for an edge that has no outbox."""
    raise NotSaid(f"{len(records)} records can't be sent: this edge has no outbox")


class EdgePorts(msgspec.Struct, frozen=True, kw_only=True):
    """What the composition root hands to an edge. `log_time()` is the newest record time it has read.

    `send` is for an edge with its own outbox: it sends that outbox's records, facts and commands, in order
    per topic and key; it returns when all are acknowledged, or raises NotSaid, and NeverSaid where one
    of them can't ever be sent. `log` is for a projection, which keeps its own offsets in the same transaction
    as what it makes of the facts.
    """

    say: Say
    blobs: Blobs
    clock: Clock
    log_time: Callable[[], Instant]
    send: Callable[[Sequence[Outgoing]], Awaitable[None]] = nowhere
    log: Log | None = None


class EdgeWork(msgspec.Struct, frozen=True, kw_only=True):
    """What an edge does: its subscriptions, and whatever else runs as long as the process lives.

    A `background` coroutine may return; one that raises ends the process, which is started again. `on_stop`
    is awaited after the last handler. `is_ready` adds to the readiness of subscriptions. `routes` are further
    exact paths of the internal port, each with its ASGI application; `api` is all that the public port has.
    No lifespan event reaches `api`: use `background` and `on_stop` to start and end it. `before_stop` is
    called before the public port stops to listen, to end the answers that would go on for hours.
    `rereads` has settings (`RINGBACK_…`) whose changed files are used without a restart: each function gets
    the new text, and raises ValueError for one that can't be used, in words that have nothing of it.
    """

    subscriptions: tuple[Subscription, ...]
    background: tuple[Callable[[], Awaitable[None]], ...] = ()
    on_stop: tuple[Callable[[], Awaitable[None]], ...] = ()
    before_stop: tuple[Callable[[], None], ...] = ()
    is_ready: Callable[[], bool] = lambda: True
    routes: tuple[tuple[str, Callable[..., Awaitable[None]]], ...] = ()
    api: Callable[..., Awaitable[None]] | None = None
    rereads: dict[str, Callable[[str], None]] = {}


Check = Callable[[Any], Coroutine[Any, Any, Lack | None]]
"""What a part lacks, by the service's settings; None if nothing."""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge's declaration. `build(ports, settings)` is called once, before anything is read.

    `parts`: which of `s3` and `smtp` must answer at start, beside Kafka. `own_parts`: what else must, each
    with its check, under the name of the setting that says where it is. `internal_wire` is the name of the
    internal port's wire for `RINGBACK_ALLOW_PLAINTEXT_TO`.
    """

    name: str
    build: Callable[[EdgePorts, Any], EdgeWork]
    parts: tuple[str, ...] = ()
    own_parts: dict[str, Check] = {}
    internal_wire: str = "http"
