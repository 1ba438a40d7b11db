"""The deadline of a place (Q5): fixed when it joins, by the department's no-answer timeout."""

from contracts.ids import DepartmentId, Instant
from services.queue.state import QueueState


def deadline_at(state: QueueState, department_id: DepartmentId) -> Instant:
    """The deadline of a place that joins this department now."""
    return Instant(state.now_at + state.departments[department_id].saved.no_answer_ms)
