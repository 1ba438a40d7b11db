"""What the letters say, in Russian and English, and how numbers, dates and durations are read.

One `Words` per language; a sentence that depends on whether a letter tells of a message or of a callback
is chosen in `composing`. Dates, durations and plurals are Babel's.
"""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import phonenumbers
from babel.dates import format_datetime, get_timezone_location
from babel.units import format_unit

from contracts.dialling import Refusal
from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.voicemail import Mark


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every sentence of a letter; `{}` are filled in by `composing`."""

    message_title: str
    missed_title: str
    expired_title: str
    unreached_title: str
    refused_title: str
    message_lead: str
    not_recorded_lead: str
    expired_lead: str
    unreached_lead: str
    abandoned_expired_lead: str
    abandoned_unreached_lead: str
    uncalled_lead: str
    abandoned_uncalled_lead: str
    refused_lead: str
    abandoned_refused_lead: str
    expired_note: str
    subject_from: str
    in_department: str
    caller: str
    called: str
    department: str
    employee: str
    waited: str
    length: str
    result: str
    withheld: str
    attached: str
    too_large: str
    not_yet: str
    not_here: str
    marks: dict[str, str]
    outcomes: dict[str, str]
    hindrances: dict[str, str]
    refusals: dict[str, str]
    call_back: str
    listen: str
    open_callback: str
    footer: str
    file_name: str


RUSSIAN: Final = Words(
    message_title="Голосовое сообщение",
    missed_title="Вам звонили, но сообщение не записалось",
    expired_title="Клиенту не успели перезвонить",
    unreached_title="До клиента не дозвонились",
    refused_title="Перезвонить клиенту нельзя",
    message_lead="Клиент не дождался ответа и оставил сообщение на автоответчике.",
    not_recorded_lead="Клиент попал на автоответчик, но прослушать его сообщение нельзя. Перезвоните ему.",
    expired_lead="Клиент заказал обратный звонок, но никто из сотрудников не освободился вовремя. "
    "Голосового сообщения он не оставил.",
    unreached_lead="Клиент заказал обратный звонок. Мы звонили ему, но разговор не состоялся.",
    abandoned_expired_lead="Клиент не дождался ответа и положил трубку. "
    "Никто из сотрудников не освободился, чтобы вовремя ему перезвонить.",
    abandoned_unreached_lead="Клиент не дождался ответа и положил трубку. "
    "Мы перезвонили ему, но разговор не состоялся.",
    uncalled_lead="Клиент заказал обратный звонок, но мы ему не перезвонили.",
    abandoned_uncalled_lead="Клиент не дождался ответа и положил трубку. Мы ему не перезвонили.",
    refused_lead="Клиент заказал обратный звонок, но правила вашей компании больше не разрешают звонить "
    "на этот номер. Мы ему не перезвоним.",
    abandoned_refused_lead="Клиент не дождался ответа и положил трубку. Правила вашей компании больше "
    "не разрешают звонить на этот номер: мы ему не перезвоним.",
    expired_note="Клиент заказал обратный звонок, но никто из сотрудников не освободился вовремя.",
    subject_from="{title}: {caller}",
    in_department="отдел «{department}»",
    caller="Кто звонил",
    called="Когда",
    department="Отдел",
    employee="Сотрудник",
    waited="Ждал ответа",
    length="Длительность",
    result="Почему",
    withheld="Номер скрыт",
    attached="Запись приложена к письму: {file}",
    too_large="Запись больше {limit} и потому не приложена. Она ждёт вас в консоли.",
    not_yet="Запись ещё сохраняется и потому не приложена. Скоро она появится в консоли.",
    not_here="Запись не приложена. Её можно прослушать в консоли.",
    marks={
        Mark.CUT_OFF: "Запись оборвалась: конца сообщения в ней нет.",
        Mark.DAMAGED: "Запись пришла повреждённой: сохранено то, что удалось восстановить.",
        Mark.TOO_LONG: "Запись слишком длинная: сохранено её начало.",
        Mark.NOT_PLAYABLE: "Запись повреждена, и воспроизвести её нельзя. Она отложена для администратора.",
        Mark.NOT_RECORDED: "Автоответчик не смог записать сообщение.",
    },
    outcomes={
        Outcome.BUSY: "Номер занят",
        Outcome.NO_ANSWER: "Никто не ответил",
        Outcome.DECLINED: "Звонок отклонили",
        Outcome.BAD_NUMBER: "Такого номера нет",
        Outcome.UNAVAILABLE: "Номер недоступен",
        Outcome.UNREACHABLE: "Номер недоступен",
    },
    hindrances={
        Refusal.SWITCHED_OFF: "Звонки клиентам выключены",
        "quiet_hours": "Наступили часы, когда клиентам не звонят (с 21 до 9)",
        "customer_on_line": "Всё это время клиент был занят другим разговором с вашей компанией",
        "apology_too_late": "Никто из сотрудников не освободился вовремя, и не было свободных линий, чтобы "
        "сообщить об этом клиенту",
    },
    refusals={
        Refusal.INVALID: "Номер неверный",
        Refusal.REGION: "Звонки в этот регион не разрешены",
        Refusal.PREMIUM: "Звонки на платные номера не разрешены",
        Refusal.SATELLITE: "Звонки на спутниковые телефоны не разрешены",
        Refusal.NOT_ORDINARY: "Звонки на номера этого вида не разрешены",
        Refusal.EMERGENCY: "Это номер экстренной службы",
        Refusal.OWN_NUMBER: "Это номер вашей компании",
        Refusal.DENIED: "Номер в списке запрещённых",
    },
    call_back="Перезвонить",
    listen="Открыть в консоли",
    open_callback="Открыть в консоли",
    footer="Письмо отправлено автоматически, отвечать на него не нужно.",
    file_name="сообщение",
)

ENGLISH: Final = Words(
    message_title="Voice message",
    missed_title="Somebody called, but no message was recorded",
    expired_title="A customer was not called back in time",
    unreached_title="A customer could not be reached",
    refused_title="A customer may not be called back",
    message_lead="A customer got no answer and left a message on the answering machine.",
    not_recorded_lead="A customer reached the answering machine, but the message can’t be played. "
    "Please call back.",
    expired_lead="The customer ordered a callback, but no agent came free in time. "
    "No voice message was left.",
    unreached_lead="The customer ordered a callback. We called, but no conversation came about.",
    abandoned_expired_lead="The customer got no answer and hung up. No agent came free in time to call back.",
    abandoned_unreached_lead="The customer got no answer and hung up. "
    "We called back, but no conversation came about.",
    uncalled_lead="The customer ordered a callback, but was not called.",
    abandoned_uncalled_lead="The customer got no answer and hung up, and was not called back.",
    refused_lead="The customer ordered a callback, but your company’s rules no longer allow calls to this "
    "number. We will not call.",
    abandoned_refused_lead="The customer got no answer and hung up. Your company’s rules no longer allow "
    "calls to this number: we will not call back.",
    expired_note="The customer had ordered a callback, but no agent came free in time.",
    subject_from="{title}: {caller}",
    in_department="{department}",
    caller="Caller",
    called="When",
    department="Department",
    employee="Employee",
    waited="Waited",
    length="Length",
    result="Why",
    withheld="Number withheld",
    attached="The recording is attached: {file}",
    too_large="The recording is larger than {limit} and so is not attached. It is in the console.",
    not_yet="The recording is still being stored and so is not attached. It will be in the console soon.",
    not_here="The recording is not attached. You can listen to it in the console.",
    marks={
        Mark.CUT_OFF: "The recording was cut off: the end of the message is missing.",
        Mark.DAMAGED: "The recording arrived damaged: what could be restored is kept.",
        Mark.TOO_LONG: "The recording is too long: its beginning is kept.",
        Mark.NOT_PLAYABLE: "The recording is damaged and can’t be played. It is kept for an administrator.",
        Mark.NOT_RECORDED: "The answering machine could not record the message.",
    },
    outcomes={
        Outcome.BUSY: "The number was busy",
        Outcome.NO_ANSWER: "Nobody answered",
        Outcome.DECLINED: "The call was declined",
        Outcome.BAD_NUMBER: "The number does not exist",
        Outcome.UNAVAILABLE: "The number was not available",
        Outcome.UNREACHABLE: "The number was not available",
    },
    hindrances={
        Refusal.SWITCHED_OFF: "Calls to customers are switched off",
        "quiet_hours": "It was a time at which customers are not called (21:00 to 9:00)",
        "customer_on_line": "The customer was on another call with your company all the time",
        "apology_too_late": "No agent came free in time, and no line was free to tell the customer",
    },
    refusals={
        Refusal.INVALID: "The number is not valid",
        Refusal.REGION: "Calls to this region are not allowed",
        Refusal.PREMIUM: "Calls to premium numbers are not allowed",
        Refusal.SATELLITE: "Calls to satellite phones are not allowed",
        Refusal.NOT_ORDINARY: "Calls to numbers of this kind are not allowed",
        Refusal.EMERGENCY: "This is an emergency number",
        Refusal.OWN_NUMBER: "This is your company’s own number",
        Refusal.DENIED: "The number is on the list of denied numbers",
    },
    call_back="Call back",
    listen="Open in the console",
    open_callback="Open in the console",
    footer="This letter was sent automatically; there is no need to answer it.",
    file_name="voice-message",
)

WORDS: Final[dict[Language, Words]] = {Language.RUSSIAN: RUSSIAN, Language.ENGLISH: ENGLISH}


def in_department(name: str, words: Words) -> str:
    """«отдел «Продажи»», and «отдел продаж» where the name itself says what it is."""
    first, _, rest = name.partition(" ")
    if rest and words.in_department.lower().startswith(f"{first.lower()} "):
        return f"{first.lower()} {rest}"
    return words.in_department.format(department=name)


def zone(name: str) -> ZoneInfo:
    """The department's zone; a name that nobody knows is UTC, which the letter then says."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


AT_MAX: Final = 253_370_764_800_000
"""The last day of 9998: a day later the calendar of the computer ends, in some zone."""


def instant(at_ms: int) -> datetime:
    """An instant in UTC; one that no calendar has is the nearest that it has."""
    return datetime.fromtimestamp(min(max(0, at_ms), AT_MAX) / 1000, UTC)


def moment(at_ms: int, where: ZoneInfo, language: Language) -> str:
    """A date and time as people there read it, with the place whose clock it is."""
    text = format_datetime(instant(at_ms), "EEEE, d MMMM y, HH:mm", tzinfo=where, locale=language)
    return f"{text} ({place(where, language)})"


def moment_in_list(at_ms: int, where: ZoneInfo, language: Language) -> str:
    """The same for one line of many, above or below which the place is named once."""
    return format_datetime(instant(at_ms), "d MMMM y, HH:mm", tzinfo=where, locale=language)


def place(where: ZoneInfo, language: Language) -> str:
    """The city whose clock it is."""
    if where.key == "UTC":
        return "UTC"
    return str(get_timezone_location(where, locale=language, return_city=True))


def duration(ms: int, language: Language) -> str:
    """«3 минуты 5 секунд»; from an hour on without seconds, from 0 to 1 s «1 second»."""
    seconds = max(1, round(ms / 1000))
    hours, minutes, seconds = seconds // 3600, seconds % 3600 // 60, seconds % 60
    units = [(hours, "duration-hour"), (minutes, "duration-minute")]
    if not hours:
        units.append((seconds, "duration-second"))
    said = [format_unit(number, unit, locale=language) for number, unit in units if number]
    return " ".join(said)


def size(size_bytes: int, language: Language) -> str:
    """A limit of attachments: «10 МБ»."""
    return format_unit(round(size_bytes / 1024**2, 1), "digital-megabyte", "short", locale=language)


def number(caller: str | None, words: Words) -> str:
    """A phone number as its country writes it; what is none is shown as it came."""
    if not caller:
        return words.withheld
    try:
        parsed = phonenumbers.parse(caller, None)
    except phonenumbers.NumberParseException:
        return caller
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def call_url(caller: str | None) -> str:
    """A link that phones and softphones dial; only for what is a plain number."""
    digits = (caller or "").removeprefix("+")
    return f"tel:+{digits}" if digits.isascii() and digits.isdigit() and caller != digits else ""


def console(url: str) -> str:
    """The console's address without its last stroke; empty where there is none that a browser opens."""
    base = url.strip().rstrip("/")
    return base if base.startswith(("https://", "http://")) else ""
