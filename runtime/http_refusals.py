"""What an HTTP listener refuses before any route sees it: codes, statuses, cause and remedy in two languages.

The bodies have the shape of every API error, so that a client needs one reader for all of them.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

RETRY_AFTER_S: Final = 5
"""In the header Retry-After where waiting helps."""


class Refusal(StrEnum):
    """The stable codes."""

    ADDRESS_TOO_LONG = "address_too_long"
    ADDRESS_UNREADABLE = "address_unreadable"
    BODY_TOO_DEEP = "body_too_deep"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_MANY_ITEMS = "body_too_many_items"
    BODY_TOO_SLOW = "body_too_slow"
    HEADERS_TOO_LARGE = "headers_too_large"
    HEADERS_TOO_SLOW = "headers_too_slow"
    REQUEST_UNREADABLE = "request_unreadable"
    SERVICE_BUSY = "service_busy"
    SERVICE_FAILED = "service_failed"


class Words(NamedTuple):
    """A code's status, cause and remedy."""

    status: int
    cause_ru: str
    cause_en: str
    remedy_ru: str
    remedy_en: str


# One row per code: a table is read across, whatever its length.
# fmt: off
WORDS: Final[dict[Refusal, Words]] = {
    Refusal.ADDRESS_TOO_LONG: Words(414, "Адрес запроса слишком длинный.", "The request's address is too long.", "Сократите его: укажите меньше значений в фильтрах.", "Shorten it: give the filters fewer values."),
    Refusal.ADDRESS_UNREADABLE: Words(400, "В адресе запроса управляющие символы.", "The request's address has control characters.", "Уберите их.", "Leave them out."),
    Refusal.BODY_TOO_DEEP: Words(400, "Данные запроса вложены слишком глубоко.", "The request's data are nested too deeply.", "Сверьтесь с описанием API.", "Compare them with the description of the API."),
    Refusal.BODY_TOO_LARGE: Words(413, "Запрос слишком велик.", "The request is too large.", "Уменьшите файл или разделите запрос.", "Make the file smaller, or split the request."),
    Refusal.BODY_TOO_MANY_ITEMS: Words(400, "В запросе слишком много значений.", "The request has too many values.", "Разделите его на несколько.", "Split it into several."),
    Refusal.BODY_TOO_SLOW: Words(408, "Запрос передаётся слишком медленно.", "The request comes too slowly.", "Повторите его по более быстрой сети.", "Send it again over a faster network."),
    Refusal.HEADERS_TOO_LARGE: Words(431, "Адрес и заголовки запроса слишком велики.", "The request's address and headers are too large.", "Сократите их.", "Shorten them."),
    Refusal.HEADERS_TOO_SLOW: Words(408, "Заголовки запроса передаются слишком медленно.", "The request's headers come too slowly.", "Повторите запрос по более быстрой сети.", "Send the request again over a faster network."),
    Refusal.REQUEST_UNREADABLE: Words(400, "Это не запрос HTTP.", "This is not an HTTP request.", "Проверьте программу, которая его отправила.", "Check the program that sent it."),
    Refusal.SERVICE_BUSY: Words(503, "Сейчас слишком много запросов сразу.", "There are too many requests at once.", f"Повторите через {RETRY_AFTER_S} с.", f"Try again in {RETRY_AFTER_S} s."),
    Refusal.SERVICE_FAILED: Words(500, "Запрос не выполнен из-за ошибки в сервисе.", "The service failed on the request.", "Повторите его; если не поможет, сообщите тому, кто обслуживает Ringback.", "Send it again; if that does not help, tell whoever runs Ringback."),
}
# fmt: on
PROTECTING: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers of every answer: nothing personal stays in a cache, and no browser takes an answer for a page."""


def body(refusal: Refusal) -> bytes:
    """The answer's JSON."""
    words = WORDS[refusal]
    return msgspec.json.encode(
        {
            "code": refusal,
            "cause": {"ru": words.cause_ru, "en": words.cause_en},
            "remedy": {"ru": words.remedy_ru, "en": words.remedy_en},
            "field": "",
        }
    )


def common_headers(length: int) -> list[tuple[bytes, bytes]]:
    """The headers of every refusal: the connection ends with it, as what follows may be the refused body."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode()),
        (b"connection", b"close"),
        *PROTECTING,
    ]


def headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers of this refusal beside those of every one."""
    is_for_now = WORDS[refusal].status == 503
    return [(b"retry-after", str(RETRY_AFTER_S).encode())] if is_for_now else []
