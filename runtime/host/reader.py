"""Reads a partition without gaps, or finds a reason to close it."""

import structlog

from runtime import metrics
from runtime.host.held import Closed
from runtime.host.identity import LogIsAnother
from runtime.ports import Log, LogRecord, OffsetOutOfRange

_log = structlog.get_logger()


class Reader:
    """Reads one partition, and remembers the last gap it saw."""

    def __init__(self, log: Log, partition: int, *, records_max: int) -> None:
        self._log = log
        self._partition = partition
        self._records_max = records_max
        self._gap: tuple[int, int] | None = None

    async def read(self, offset: int, *, wait_ms: int) -> list[LogRecord]:
        """Records from exactly `offset` on, without a gap; empty when none came.

        Raises Closed when the log no longer has records that were not read yet.
        """
        try:
            records = await self._log.read(
                self._partition, offset, records_max=self._records_max, wait_ms=wait_ms
            )
        except OffsetOutOfRange:
            await self._demand_retained(offset)
            raise LogIsAnother(
                f"the log of partition {self._partition} ends before offset {offset}"
            ) from None
        records = [record for record in records if record.offset >= offset]
        if not records:
            return []
        if records[0].offset > offset and not await self._is_the_logs_own(offset, records[0].offset):
            return []
        return _contiguous(records)

    async def _is_the_logs_own(self, offset: int, found: int) -> bool:
        """Whether a gap stays when read a second time; the embedded broker's gaps then disappear."""
        if self._gap != (offset, found):
            self._gap = (offset, found)
            return False
        await self._demand_retained(offset)
        self._gap = None
        metrics.OFFSET_GAPS.inc(found - offset)
        _log.warning(
            "the log has no record at these offsets", partition=self._partition, first=offset, last=found - 1
        )
        return True

    async def _demand_retained(self, offset: int) -> None:
        oldest = await self._log.oldest(self._partition)
        if oldest > offset:
            raise Closed(
                f"the log no longer has offsets {offset} to {oldest - 1} of partition {self._partition}, "
                "which were never read: facts are lost. Keep facts longer; see docs/operating.md, "
                "«A partition is closed»."
            )


def _contiguous(records: list[LogRecord]) -> list[LogRecord]:
    """The records up to the first gap; later ones are read again by their offset."""
    for index in range(1, len(records)):
        if records[index].offset != records[index - 1].offset + 1:
            return records[:index]
    return records
