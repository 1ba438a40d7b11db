"""Sends a stored outbox: all commands, then the facts, each step's facts in one record batch.

A failed send stops it and nothing later is sent: the caller sends the whole outbox again, and readers drop
what they have heard already.
"""

from collections.abc import Iterator, Sequence

from runtime.host.outgoing import HEADER_BYTES, STEP_BYTES_MAX
from runtime.ports import Log, Outgoing


async def send(log: Log, partition: int, outbox: Sequence[Outgoing]) -> None:
    """Send and await every acknowledgement. Raises LogUnavailable at the first failure."""
    commands = [each for each in outbox if each.step < 0]
    if commands:
        await log.send(commands)
    for batch in batches([each for each in outbox if each.step >= 0]):
        await log.append(partition, batch)


def batches(facts: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Group facts into record batches of whole steps, in order: the log has a whole step or none of it."""
    batch: list[Outgoing] = []
    batch_bytes = 0
    for step in steps(facts):
        step_bytes = sum(len(each.value) + HEADER_BYTES for each in step)
        if batch and batch_bytes + step_bytes > STEP_BYTES_MAX:
            yield batch
            batch, batch_bytes = [], 0
        batch.extend(step)
        batch_bytes += step_bytes
    if batch:
        yield batch


def steps(facts: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Group facts by the record that caused them."""
    step: list[Outgoing] = []
    for fact in facts:
        if step and step[-1].step != fact.step:
            yield step
            step = []
        step.append(fact)
    if step:
        yield step
