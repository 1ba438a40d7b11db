"""Quotas over hours and days, of what an organization keeps; the rates of requests are in runtime.quotas."""

from typing import Final

from msgspec import Struct

from services.directory.state.responses import Text

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class UsageQuota(Struct, frozen=True, kw_only=True):
    """How much an organization may use in a window, which begins with the first use."""

    name: str
    window_ms: int
    amount_max: int
    what: Text
    limit: Text


UPLOADS_AN_HOUR: Final = UsageQuota(
    name="uploads_an_hour",
    window_ms=HOUR_MS,
    # A new office records a greeting for every department; after that a handful a month.
    amount_max=100,
    what=Text(ru="загрузка файлов", en="uploads"),
    limit=Text(ru="100 файлов в час", en="100 files an hour"),
)
UPLOADED_BYTES_A_DAY: Final = UsageQuota(
    name="uploaded_bytes_a_day",
    window_ms=DAY_MS,
    # Uploads stay in S3 as long as a notice may refer to them.
    amount_max=500 * 1024 * 1024,
    what=Text(ru="объём загруженных файлов", en="uploaded bytes"),
    limit=Text(ru="500 МБ в сутки", en="500 MB a day"),
)
KEYS_A_DAY: Final = UsageQuota(
    name="idempotency_keys",
    window_ms=DAY_MS,
    # An order every nine seconds, day and night. Each key keeps an answer.
    amount_max=10_000,
    what=Text(ru="ключи Idempotency-Key", en="idempotency keys"),
    limit=Text(ru="10 000 за сутки", en="10,000 a day"),
)
