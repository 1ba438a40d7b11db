"""The verb that begins a new log after the old one was lost with all its copies.

Facts are gone, but not what they led to: history has every row, the directory every card, and the store or
its last snapshot the places. Deciders begin anew and empty. What was promised is asked for again.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.callback import Origin
from contracts.directory import CallbackAsked
from contracts.ids import OrganizationId
from ringback import connect, log_stretch
from ringback import log as facts_log
from ringback.operator.installation import Installation, tell
from ringback.operator.kept import Keeper, token
from runtime import plaintext, redis_client, s3_blobs
from runtime.decision import Decider
from runtime.host import identity, snapshots
from runtime.ports import Blobs, BlobsUnavailable, Log, LogUnavailable, Store, StoreUnavailable
from runtime.records import NewerSchema
from runtime.redis_store import RedisStore
from services.callback.service import SERVICE as CALLBACK
from services.directory.activities import bootstrap, callbacks
from services.directory.activities.organizations import NotDone
from services.directory.activities.repository import Repository
from services.history.activities import adoption, database
from services.history.activities.adoption import OpenCallback, OpenPlace
from services.history.settings import Settings as HistorySettings
from services.queue.service import SERVICE as QUEUE
from services.queue.state import QueueState
from services.queue.state.records import Place
from services.routing.service import SERVICE as ROUTING
from services.voicemail.service import SERVICE as VOICEMAIL
from services.voicemail.state import VoicemailState

MARK_LENGTH: Final = 8
"""Of the new log's name, in the ids of what goes on from the lost one."""
DECIDERS: Final[tuple[Decider[Any], ...]] = (ROUTING, QUEUE, CALLBACK, VOICEMAIL)


class Found(Struct, frozen=True, kw_only=True):
    """What stood open: callbacks that were promised, callers on the line, letters that had not gone."""

    callbacks: tuple[OpenCallback, ...]
    places: tuple[OpenPlace, ...]
    letters: tuple[str, ...]


async def adopt_log(installation: Installation, _options: argparse.Namespace) -> None:
    """Begin the new log. Raises NotDone; what was done before an error is done again by the next run."""
    settings = installation.settings
    if not settings.redis.get_secret_value():
        raise NotDone("set RINGBACK_REDIS to the deciders' store, with a user who may use all its keys")
    history = database.connected(
        HistorySettings().history_database.get_secret_value(), plaintext.allowed(settings.allow_plaintext_to)
    )
    blobs = s3_blobs.from_settings(settings)
    clients = redis_client.from_settings(settings, redis_client.tls_from_settings(settings))
    stores = {
        each.name: RedisStore(clients, prefix=settings.store_prefix, service=each.name) for each in DECIDERS
    }
    try:
        async with connect.log(connect.environment()) as log:
            await adopt(
                log, keepers(stores, blobs, settings.store_prefix), history, installation.repository, tell
            )
    except (BlobsUnavailable, StoreUnavailable, snapshots.SnapshotUnreadable, NewerSchema) as error:
        raise NotDone(
            f"what the services kept can't be read or dropped: {error}. Mend it, and run this again"
        ) from error
    except (LogUnavailable, identity.RefusedToStart, connect.NotConfigured) as error:
        raise NotDone(str(error)) from error
    finally:
        await clients.aclose()
        blobs.close()
        await history.dispose()


def keepers(stores: Mapping[str, Store], blobs: Blobs, prefix: str) -> dict[str, Keeper]:
    """What each decider has kept, by its name."""
    return {each.name: Keeper(each, stores[each.name], blobs, prefix) for each in DECIDERS}


async def adopt(
    log: Log,
    kept: Mapping[str, Keeper],
    history: AsyncEngine,
    repository: Repository,
    tell: Callable[[str], None],
) -> None:
    """Take what stood open into a new log, and tell what can't be taken. Raises NotDone for a log in use."""
    log_ids = await begun(log)
    found = await found_open(kept, await adoption.standing(history), history)
    # Told first: whoever runs this again after an error finds the calls ended already.
    for line in told(found):
        tell(line)
    mark = log_ids[0][:MARK_LENGTH]
    await bootstrap.republish(repository)
    await callbacks.ask_again(repository, [_asked(each, mark) for each in found.callbacks])
    await adoption.adopt(history, log_ids, mark=mark, at=repository.now())
    for keeper in kept.values():
        await keeper.forget(len(log_ids))
    tell("start the services: the directory says every office again, and the callbacks after it")


async def begun(log: Log) -> dict[int, str]:
    """The names of a new log's partitions, given now if they have none. Raises NotDone for a log in use."""
    log_ids = {}
    for partition in range(log.partitions):
        log_id = await identity.log_id(log, partition, token)
        if log_id is None:
            raise NotDone(f"partition {partition} has lost its beginning, so this log is not a new one")
        log_ids[partition] = log_id
        async for record in log_stretch.of_log(log, partition):
            reading = facts_log.reading(record)
            if reading is not None and reading.envelope.organization_id != log_stretch.NOBODY:
                raise NotDone(
                    f"facts of {reading.envelope.organization_id} are on this log already: stop every "
                    "service, delete the topics, and make them anew with `python -m ringback topics`"
                )
    return log_ids


async def found_open(
    kept_by: Mapping[str, Keeper], standing: adoption.Standing, history: AsyncEngine
) -> Found:
    """Join what history shows as open with what the queue kept; what has ended by history is over.

    The store is a moment ahead of history, a snapshot up to an hour behind it.
    """
    promised = {(each.organization_id, each.callback_id): each for each in standing.callbacks}
    callers = {(each.organization_id, each.place_id): each for each in standing.places}
    async for kept in kept_by[QUEUE.name].kept():
        assert isinstance(kept.state, QueueState)
        kept_callbacks, kept_places = _of_queue(kept.organization_id, kept.state.places)
        over = await adoption.ended(
            history,
            kept.organization_id,
            callbacks=[each.callback_id for each in kept_callbacks],
            places=[each.place_id for each in kept_places],
        )
        for callback in kept_callbacks:
            if callback.callback_id not in over:
                # History shows how it was ordered first; the queue knows if that became the customer's own.
                key = (kept.organization_id, callback.callback_id)
                promised[key] = structs.replace(promised.get(key, callback), origin=callback.origin)
        for place in kept_places:
            if place.place_id not in over:
                callers.setdefault((kept.organization_id, place.place_id), place)
    return Found(
        callbacks=tuple(sorted(promised.values(), key=_rank)),
        places=tuple(sorted(callers.values(), key=_rank)),
        letters=await _letters(kept_by[VOICEMAIL.name]),
    )


def _of_queue(
    organization_id: OrganizationId, places: Iterable[Place]
) -> tuple[list[OpenCallback], list[OpenPlace]]:
    """The queue's places: those of callbacks, and those of callers on the line."""
    promised, callers = [], []
    for each in places:
        caller = OpenPlace(
            organization_id=organization_id,
            place_id=each.place_id,
            department_id=each.department_id,
            number=each.caller or "",
            joined_at=each.joined_at,
        )
        if each.callback_id is None:
            callers.append(caller)
            continue
        # Only history would say whether the customer was dialled.
        told = structs.asdict(caller)
        origin = each.origin or Origin.QUEUE
        promised.append(OpenCallback(callback_id=each.callback_id, origin=origin, was_dialled=True, **told))
    return promised, callers


async def _letters(keeper: Keeper) -> tuple[str, ...]:
    """The letters that the mail server has not taken yet."""
    found = []
    async for kept in keeper.kept():
        assert isinstance(kept.state, VoicemailState)
        for letter in kept.state.letters:
            about = letter.voice_message_id or letter.callback_id or letter.warning_id
            found.append(f"{kept.organization_id}: to {letter.recipient.email}, about {about}")
    return tuple(found)


def _asked(promised: OpenCallback, mark: str) -> tuple[OrganizationId, CallbackAsked]:
    promised = promised.renamed(mark)
    asked = CallbackAsked(
        callback_id=promised.callback_id,
        department_id=promised.department_id,
        number=promised.number,
        joined_at=promised.joined_at,
        place_id=promised.place_id,
        origin=promised.origin,
    )
    return promised.organization_id, asked


def _rank(place: OpenCallback | OpenPlace) -> tuple[str, str, int, str]:
    return place.organization_id, place.department_id, place.joined_at, place.place_id


def told(found: Found) -> list[str]:
    """The lines for the operator: what goes on, and what does not, by name."""
    return [
        f"{len(found.callbacks)} callbacks are asked for again, each with its joining time",
        *(f"  {_shown(each)}" for each in found.callbacks),
        f"{len(found.places)} callers waited on the line and are cut off; call them back",
        *(f"  {_shown(each)}" for each in found.places),
        f"{len(found.letters)} letters had not gone; history has their voice messages",
        *(f"  {each}" for each in found.letters),
    ]


def _shown(place: OpenCallback | OpenPlace) -> str:
    since = datetime.fromtimestamp(place.joined_at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    number = place.number or "a withheld number"
    return f"{place.organization_id}: {number}, department {place.department_id}, since {since}"
