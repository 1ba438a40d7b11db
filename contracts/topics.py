"""The topics: who owns each, its key, how long it keeps, who writes."""

from typing import Final

import msgspec

DAY_MS: Final = 24 * 60 * 60 * 1000


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic; `name` is without the installation's prefix.

    The number of partitions is fixed at birth. That of facts may be chosen then, and this one is the default;
    ask the log for the number that it has.
    """

    name: str
    owner: str
    key: str
    partitions: int
    retention_ms: int
    writers: tuple[str, ...]
    append_time: bool = True
    purpose: str = ""


FACTS: Final = Topic(
    name="facts",
    owner="everyone",
    key="organization_id",
    # Divides among 2, 3, 4, 6 and 12 replicas (docs/operating/sizing.md).
    partitions=12,
    retention_ms=14 * DAY_MS,
    writers=("directory", "gateway", "queue", "callback", "voicemail", "tts", "routing", "history"),
    purpose="All that happened; everything of one organization is totally ordered.",
)
TELEPHONY: Final = Topic(
    name="telephony",
    owner="gateway",
    key="organization_id/pbx_id",
    partitions=4,
    retention_ms=1 * DAY_MS,
    writers=("queue", "callback", "voicemail", "routing", "directory"),
    purpose="What phones are asked to do.",
)
SPEECH: Final = Topic(
    name="speech",
    owner="tts",
    key="organization_id",
    partitions=2,
    retention_ms=7 * DAY_MS,
    writers=("directory",),
    purpose="Notices to be spoken or converted.",
)
DELIVERY: Final = Topic(
    name="delivery",
    owner="voicemail",
    key="organization_id",
    partitions=2,
    retention_ms=7 * DAY_MS,
    writers=("voicemail",),
    purpose="Voice messages to be stored and letters to be sent.",
)
DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    owner="operators",
    key="organization_id",
    partitions=1,
    retention_ms=30 * DAY_MS,
    writers=("every reader",),
    purpose="What could not be read, with its bytes and the reason.",
)
TOPICS: Final = (FACTS, TELEPHONY, SPEECH, DELIVERY, DEAD_LETTERS)
