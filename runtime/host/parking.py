"""Parks one organization while all others go on; later it reads on from where it stood."""

import structlog
from msgspec.structs import replace

from contracts.codec import Malformed, decode
from contracts.ids import OrganizationId
from contracts.log import OrganizationUnparked
from runtime.host.claiming import READS_EMPTY_MAX, note
from runtime.host.hearing import TIMER_DUE, Batch, Broken
from runtime.host.held import Held
from runtime.host.organizations import Mark
from runtime.host.reader import Reader
from runtime.host.reading import Parsed, parsed
from runtime.ports import LogRecord, LogUnavailable

_log = structlog.get_logger()


def is_hosts(heard: Parsed, service: str) -> bool:
    """Whether a record is only for hosts. A service's own timers are for its decider."""
    return heard.type.startswith("log.") and not (heard.type == TIMER_DUE and heard.source == service)


async def park(held: Held, heard: Parsed, error: Broken, batch: Batch) -> None:
    """Restore an organization as of its previous fact, and mark where it stands."""
    organization_id = heard.organization_id
    held.organizations.forget(organization_id)
    organization = await held.organization(organization_id)
    # This batch has already decided the organization's earlier records; their outputs are in the batch.
    again = Batch()
    for each in batch.heard.get(organization_id, []):
        held.hearing.hear(each, organization, again)
    batch.touch(organization)
    batch.marks[organization_id] = Mark(heard.offset, heard.now_at, held.options.version, str(error))
    alarm = held.saying.parked(organization_id, heard.offset, str(error), heard.now_at, batch.steps)
    batch.facts.append(alarm)
    batch.steps += 1
    _log.error(
        "organization parked", organization_id=organization_id, offset=heard.offset, exc_info=error.__cause__
    )


def unpark(held: Held, heard: Parsed, batch: Batch) -> None:
    """Mark an organization as reading on, at an operator's request."""
    mark = batch.marks.get(heard.organization_id, held.marks.get(heard.organization_id))
    try:
        fact = decode(heard.type, heard.record.value)
    except Malformed:
        return
    if mark is not None and isinstance(fact, OrganizationUnparked) and fact.service == held.decider.name:
        batch.marks[heard.organization_id] = replace(mark, is_reading_on=True)


class ReadingOn:
    """Reads on for parked organizations in pieces, each an ordinary write."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._seen: set[OrganizationId] = set()

    async def turn(self) -> bool:
        """Read one piece for one organization; whether there was one to read."""
        held = self._held
        if not held.marks:
            return False
        found = next(((each, mark) for each, mark in held.marks.items() if mark.is_reading_on), None)
        if found is None:
            return False
        organization_id, mark = found
        if organization_id not in self._seen:
            await self._see_what_is_said(organization_id, mark)
            self._seen.add(organization_id)
        records = await self._records(mark.offset)
        if records or mark.offset >= held.position.offset:
            await self._read(organization_id, mark, records)
        return True

    async def _records(self, offset: int) -> list[LogRecord]:
        """Records before the partition's position; the organization hears later ones with all others."""
        held = self._held
        if offset >= held.position.offset:
            return []
        reader = Reader(held.ports.log, held.partition, records_max=held.options.records_max)
        records = await reader.read(offset, wait_ms=100)
        if not records:
            # A gap that is there twice is the log's own; one reader makes both reads.
            records = await reader.read(offset, wait_ms=100)
        return [record for record in records if record.offset < held.position.offset]

    async def _see_what_is_said(self, organization_id: OrganizationId, mark: Mark) -> None:
        """Note own facts on the log that follow from records not applied yet: as at a claim, the log wins."""
        offset, empty = mark.offset, 0
        while offset < self._held.position.offset:
            records = await self._records(offset)
            empty = 0 if records else empty + 1
            if empty > READS_EMPTY_MAX:
                raise LogUnavailable(f"offset {offset} was read before and can't be read again")
            ours = []
            for record in records:
                offset = record.offset + 1
                try:
                    found = parsed(record, 0)
                except Malformed:
                    continue
                if found.source == self._held.decider.name and found.organization_id == organization_id:
                    ours.append(found)
            await note(self._held, ours, reading_on=organization_id)

    async def _read(self, organization_id: OrganizationId, mark: Mark, records: list[LogRecord]) -> None:
        held = self._held
        batch = held.batch
        organization = await held.organization(organization_id)
        batch.touch(organization)
        offset, now_at = mark.offset, mark.now_at
        for record in records:
            now_at = max(now_at, record.at)
            offset = record.offset + 1
            try:
                heard = parsed(record, now_at)
            except Malformed:
                continue  # It became a dead letter when the partition passed it.
            if heard.organization_id != organization_id or is_hosts(heard, held.decider.name):
                continue
            try:
                held.hearing.hear(heard, organization, batch)
            except Broken as error:
                await park(held, heard, error, batch)
                self._seen.discard(organization_id)
                break
        else:
            is_done = offset >= held.position.offset
            if is_done:
                self._seen.discard(organization_id)
            batch.marks[organization_id] = None if is_done else replace(mark, offset=offset, now_at=now_at)
        await held.store_then_say()
