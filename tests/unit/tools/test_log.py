"""How a program appends facts to the log."""

from collections.abc import Sequence

from contracts.ids import OrganizationId
from contracts.message import Fact
from ringback import log as facts_log
from runtime.memory import MemoryClock, MemoryLog
from runtime.ports import Outgoing
from tests import offices


async def test_many_facts_are_appended_in_batches_that_a_broker_takes() -> None:
    """A thousand agents' hours are more than one record batch holds."""
    log = MemoryLog(MemoryClock())
    sizes: list[int] = []
    append = log.append

    async def counted(partition: int, records: Sequence[Outgoing], *, at: int | None = None) -> int:
        sizes.append(sum(len(record.value) for record in records))
        return await append(partition, records, at=at)

    log.append = counted  # type: ignore[method-assign]  # the port, with a scale under it
    agent = offices.agent("a", "x", name="x" * 1000)
    facts: list[tuple[str, Fact]] = [(f"id{number}", agent) for number in range(500)]
    await facts_log.say(log, 0, OrganizationId("veter"), facts)
    assert len(log.facts[0]) == 500
    assert max(sizes) <= facts_log.BATCH_BYTES_MAX
