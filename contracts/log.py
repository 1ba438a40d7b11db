"""What the host itself says on the log; no service is about these."""

from contracts.ids import Instant, TimerId
from contracts.message import Fact


class LogNamed(Fact, tag="log.named", frozen=True, kw_only=True):
    """First record of a partition: which log this is. Another name or count later means another log."""

    log_id: str
    partitions: int


class PartitionClaimed(Fact, tag="log.partition_claimed", frozen=True, kw_only=True):
    """A new owner of a partition marks the end of what its predecessors can have said."""

    service: str
    epoch: str


class TimeProbed(Fact, tag="log.time_probed", frozen=True, kw_only=True):
    """Appended with timestamp 0 at start: a broker that gives 0 back keeps no time of its own."""

    service: str


class TimerDue(Fact, tag="log.timer_due", frozen=True, kw_only=True):
    """A timer of one service has come due, by a clock; the decider judges by the record's own time.

    It travels as `<service>.timer_due`: the service stands in the envelope's source and in `service`.
    """

    service: str
    timer_id: TimerId
    due_at: Instant
    kind: str
    subject: str


class OrganizationParked(Fact, tag="log.organization_parked", frozen=True, kw_only=True):
    """A service stopped applying one organization's facts at this offset; an alarm for the operator."""

    service: str
    offset: int
    reason: str


class OrganizationUnparked(Fact, tag="log.organization_unparked", frozen=True, kw_only=True):
    """An operator asks a service to read on for a parked organization."""

    service: str
