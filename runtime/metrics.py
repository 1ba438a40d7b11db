"""Every metric of every service, in one file. Base units; no call, caller or agent in a label.

The host counts business metrics from a decider's messages: `Decider.counts` maps a message type to (a name in
COUNTED, a label value or `@field`), `Decider.measures` does so with MEASURED and the field that has the
milliseconds, and `Decider.gauges` gives an organization's share of what is in GAUGED.
Edges count their own work (`RENDERINGS.labels("done").inc()`).
"""

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Metric

from contracts.message import Message


class Tally(Counter):
    """A counter of what a host counts at every turn: counts wait in a dictionary until Prometheus asks.

    Adding to a number there costs a fraction of a counter's lock and checks.
    """

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), **rest: object) -> None:
        super().__init__(name, documentation, labelnames, **rest)  # type: ignore[arg-type]  # for `labels`
        self.counted: Counts[tuple[str, ...]] = Counts()
        """Counts by label values; `()` for a counter without labels."""

    def collect(self) -> Iterable[Metric]:
        """Take the counts over, and tell the sums."""
        counted, self.counted = self.counted, Counts()
        for labels, count in counted.items():
            (self.labels(*labels) if labels else self).inc(count)
        return super().collect()


# The log and the store, by service.
FACTS = Tally("ringback_facts_total", "Facts read, by type and what became of them", ["type", "outcome"])
SAID = Tally("ringback_messages_said_total", "Facts and commands said, by type", ["type"])
LAG = Gauge(
    "ringback_lag_records",
    "Records of a partition that a reader has not finished",
    ["reader", "topic", "partition"],
)
OWNED = Gauge("ringback_partition_owned", "1: this replica has claimed the partition", ["partition"])
PARTITIONS = Gauge("ringback_partitions", "Partitions of the facts, which a decider's replicas share")
READY = Gauge("ringback_ready", "1: the process is ready; 0: /health/ready says why it is not")
BUILD = Gauge("ringback_build_info", "Always 1; the labels say what runs", ["service", "version"])
RESTART_NEEDED = Gauge(
    "ringback_restart_needed",
    "1: a file of this setting has changed and is used after a restart",
    ["setting"],
)
CERTIFICATE_ENDS_AT = Gauge(
    "ringback_certificate_end_timestamp_seconds",
    "When the certificate in this setting's file ends: the first of a chain, the last of several authorities",
    ["setting"],
)
DECIDE_SECONDS = Histogram(
    "ringback_decide_seconds",
    "One step: apply and decide, until nothing follows",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0),
)
STORE_WRITES = Tally("ringback_store_writes_total", "Writes of a batch, by outcome", ["outcome"])
STORE_BYTES = Tally("ringback_store_written_bytes_total", "Bytes of records and outbox written")
STORE_SECONDS = Histogram("ringback_store_write_seconds", "One write of a batch")
OUTBOX_SINCE = Gauge(
    "ringback_outbox_since_seconds",
    "When the oldest unsent output was stored; 0: none is unsent",
    ["partition"],
)
SENDS_FAILED = Counter("ringback_sends_failed_total", "Sends of an outbox that stopped at a failure")
TIMER_LATE_SECONDS = Histogram(
    "ringback_timer_late_seconds",
    "How long after its instant a timer was heard",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0),
)
TIMERS_AGAIN = Counter("ringback_timers_appended_again_total", "Timers appended once more, not dropped yet")
REPEATS = Tally("ringback_repeats_dropped_total", "Records heard before, by source", ["source"])
EARLY = Tally("ringback_early_total", "Records that came before their predecessor, by source", ["source"])
GAPS_OLD = Counter("ringback_gaps_old_total", "Alarm: a predecessor is missing for over a minute", ["source"])
OFFSET_GAPS = Counter("ringback_offset_gaps_total", "Offsets the log does not have, twice asked for")
PARKED = Gauge("ringback_organizations_parked", "Alarm: organizations that stand still", ["partition"])
DEAD_LETTERS = Counter("ringback_dead_letters_total", "Records that could not be read or handled", ["topic"])
CLAIMS = Counter("ringback_claims_total", "Claims of a partition, by outcome", ["outcome"])
CLOSED = Gauge("ringback_partitions_closed", "Alarm: partitions that stay closed", ["partition"])
SNAPSHOTS = Counter("ringback_snapshots_total", "Hourly copies to S3, by outcome", ["outcome"])
SNAPSHOT_AT = Gauge("ringback_snapshot_timestamp_seconds", "When the last copy was taken", ["partition"])
LOADED = Gauge("ringback_organizations_loaded", "Organizations in memory", ["partition"])
OUTBOX_AGE = Gauge(
    "ringback_outbox_age_seconds", "Age of the directory's oldest message that can be sent and is not"
)
SET_ASIDE = Gauge(
    "ringback_outbox_set_aside", "Alarm: messages of the directory that can't be sent, until somebody decides"
)
CARDS_UNREADABLE = Counter(
    "ringback_cards_unreadable_total", "Alarm: times that a saved card of the directory could not be read"
)
TOO_LARGE = Counter(
    "ringback_facts_too_large_total", "Alarm: facts that grew too large by themselves and were not said"
)
HANDLER_RETRIES = Counter("ringback_handler_retries_total", "Handlers of an edge called again", ["topic"])
HTTP_REFUSED = Counter("ringback_http_refused_total", "Requests that a listener refused, by code", ["code"])
PAGE_SECONDS = Histogram(
    "ringback_page_seconds",
    "From a request of the console to the beginning of its answer, by status",
    ["status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0),
)
RENEWALS = Counter(
    "ringback_session_renewals_total", "Renewals of sessions' tokens at the console, by outcome", ["outcome"]
)
HTTP_HANDSHAKES_FAILED = Counter(
    "ringback_http_handshakes_failed_total",
    "Connections that spoke no TLS, refused our certificate or were slow",
)
SECURITY_EVENTS = Counter(
    "ringback_security_events_total", "Security events, by name and outcome", ["event", "outcome"]
)

# The business, from the facts.
OFFERS = Tally("ringback_offers_total", "Offers, by how they ended", ["end"])
CALLBACKS = Tally("ringback_callbacks_total", "Callbacks, by how they ended", ["end"])
DIALS = Tally("ringback_dials_total", "Phones dialled, by purpose", ["purpose"])
REFUSALS = Tally("ringback_refusals_total", "Orders of callbacks refused, by reason", ["reason"])
LETTERS = Tally("ringback_letters_total", "Letters, by state", ["state"])
MAIL_FAULTS = Counter(
    "ringback_mail_faults_total", "Final answers of the mail server about us, not the letter"
)
PLACES = Tally("ringback_places_total", "Places, by how they ended", ["end"])
# Up to the usual deadline of ten minutes finely enough for «within 20 s»; a deadline is an hour at most.
_WAITS: Final = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
PLACE_WAITED_SECONDS = Histogram(
    "ringback_place_waited_seconds",
    "How long callers waited on the line, by how it ended",
    ["end"],
    buckets=_WAITS,
)
CALLBACK_WAITED_SECONDS = Histogram(
    "ringback_callback_waited_seconds",
    "How long callbacks took from joining, by how they ended",
    ["end"],
    buckets=_WAITS,
)
VOICE_MESSAGES = Tally("ringback_voice_messages_total", "Voice messages, by state", ["state"])
RENDERINGS = Tally("ringback_renderings_total", "Notices rendered, by outcome", ["outcome"])
CACHE = Counter("ringback_speech_cache_total", "Notices asked for, by hit or miss", ["result"])
ALLOWANCES = Counter(
    "ringback_allowances_low_total",
    "Alarm: an organization has used four fifths of a day's orders, minutes or texts",
    ["what"],
)
QUOTA_REFUSALS = Counter(
    "ringback_quota_refusals_total", "Requests refused because an organization's quota is used up", ["quota"]
)
LIVE_STREAMS = Gauge("ringback_live_streams", "Open streams of the present, by event-stream clients")
LIVE_STREAMS_ENDED = Counter(
    "ringback_live_streams_ended_total", "Such streams that ended, by why", ["reason"]
)
COMMANDS = Counter("ringback_gateway_commands_total", "Commands of a gateway, by outcome", ["outcome"])
PBX_CONNECTED = Gauge(
    "ringback_pbx_connected", "1: the gateway has the PBX; 0: it is away", ["organization", "pbx"]
)
SPOOL_FILES = Gauge("ringback_spool_recordings", "Recordings in the spool: running, or not in S3 yet")
SPOOL_OLDEST_AT = Gauge(
    "ringback_spool_oldest_timestamp_seconds", "When the oldest recording in the spool began; 0: it is empty"
)

LETTERS_OPEN = Gauge("ringback_letters_open", "Letters that the mail server has not answered for good")
LETTER_OLDEST_AT = Gauge(
    "ringback_letter_oldest_timestamp_seconds", "When the oldest open letter was written; 0: none is open"
)
PLACES_WAITING = Gauge("ringback_places_waiting", "Places that wait")
PLACE_OLDEST_AT = Gauge("ringback_place_oldest_timestamp_seconds", "When the place that waits longest joined")
DEPARTMENTS_WAITING = Gauge("ringback_departments_waiting", "Departments with a place that waits")
APOLOGIES_WAITING = Gauge("ringback_apologies_waiting", "Apologies that are due and not yet dialled")
APOLOGY_OLDEST_AT = Gauge(
    "ringback_apology_oldest_timestamp_seconds",
    "The earliest deadline of an apology that waits; 0: none waits",
)

CALLBACKS_OPEN = Gauge("ringback_callbacks_open", "Callbacks that are promised and have not ended")
CALLBACK_DEADLINE_AT = Gauge(
    "ringback_callback_deadline_earliest_timestamp_seconds",
    "The earliest deadline of a callback that waits for its first attempt; 0: none waits",
)

COUNTED: Final[Mapping[str, Tally]] = {
    "offers": OFFERS,
    "callbacks": CALLBACKS,
    "dials": DIALS,
    "refusals": REFUSALS,
    "letters": LETTERS,
    "places": PLACES,
    "voice_messages": VOICE_MESSAGES,
    "renderings": RENDERINGS,
}
_PER_PARTITION: Final = (OUTBOX_SINCE, PARKED, CLOSED, SNAPSHOT_AT, LOADED)
"""What an owner tells of its partition, beside `OWNED` and `LAG`."""


def _earliest(instants: list[float]) -> float:
    """The smallest instant is the oldest subject; 0, which would be 1970, means that nobody waits."""
    return min(filter(None, instants), default=0.0)


MEASURED: Final[Mapping[str, Histogram]] = {
    "place_waited": PLACE_WAITED_SECONDS,
    "callback_waited": CALLBACK_WAITED_SECONDS,
}
GAUGED: Final[Mapping[str, tuple[Gauge, Callable[[list[float]], float]]]] = {
    "places_waiting": (PLACES_WAITING, sum),
    "departments_waiting": (DEPARTMENTS_WAITING, sum),
    "place_oldest_at": (PLACE_OLDEST_AT, _earliest),
    "letters_open": (LETTERS_OPEN, sum),
    "letter_oldest_at": (LETTER_OLDEST_AT, _earliest),
    "apologies_waiting": (APOLOGIES_WAITING, sum),
    "apology_oldest_at": (APOLOGY_OLDEST_AT, _earliest),
    "callbacks_open": (CALLBACKS_OPEN, sum),
    "callback_deadline_at": (CALLBACK_DEADLINE_AT, _earliest),
}
"""How the organizations' shares become one number. Instants are in seconds; 0 means that nobody waits."""


def count(counts: Mapping[str, tuple[str, str]], type_: str, message: Message) -> None:
    """Count a message that was said, if the service's table has its type."""
    SAID.counted[(type_,)] += 1
    found = counts.get(type_)
    if found is None:
        return
    name, label = found
    value = str(getattr(message, label[1:])) if label.startswith("@") else label
    COUNTED[name].counted[(value,)] += 1


def measure(measures: Mapping[str, tuple[str, str, str]], type_: str, message: Message) -> None:
    """Measure what a message that was said tells in milliseconds, if the service's table has its type."""
    found = measures.get(type_)
    if found is not None:
        name, label, field = found
        MEASURED[name].labels(label).observe(getattr(message, field) / 1_000)


def show(shares: list[Mapping[str, float]]) -> None:
    """Set the business's gauges from every organization's share."""
    for name in {name for share in shares for name in share}:
        gauge, together = GAUGED[name]
        gauge.set(together([share[name] for share in shares if name in share]))


def forget_partition(partition: int) -> None:
    """Drop what was told of a partition that this replica has lost: the last figures would stand for ever."""
    for gauge in _PER_PARTITION:
        with suppress(KeyError):
            gauge.remove(str(partition))
