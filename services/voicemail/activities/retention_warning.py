"""A warning's texts and its page: which voice messages go unheard, and when they are removed (V6)."""

from collections.abc import Mapping
from typing import Final

import msgspec
from babel import Locale

from contracts.directory import Language
from contracts.history import UnheardMessage
from contracts.ids import OrganizationId
from contracts.voicemail import SendLetter
from runtime.text import one_line
from services.voicemail.activities import formats, letter_texts
from services.voicemail.activities.formats import call_url

ACCENT: Final = "#b91c1c"
"""Red: no other letter follows about these voice messages."""


class WarningTexts(msgspec.Struct, frozen=True, kw_only=True):
    """Every sentence of a warning; mappings are by the plural forms of the language (CLDR)."""

    kind: str
    titles: Mapping[str, str]
    lead_one: str
    lead_many: str
    received: str
    removed: str
    zone: str
    others: Mapping[str, str]
    open_one: str
    open_many: str


RUSSIAN: Final = WarningTexts(
    kind="Автоответчик",
    titles={
        "one": "{count} непрослушанное сообщение скоро будет удалено",
        "few": "{count} непрослушанных сообщения скоро будут удалены",
        "many": "{count} непрослушанных сообщений скоро будут удалены",
    },
    lead_one="В консоли его никто не прослушал, и клиенту не перезвонили. "
    "Когда закончится срок хранения, запись будет удалена, и восстановить её будет нельзя.",
    lead_many="В консоли их никто не прослушал, и клиентам не перезвонили. "
    "Когда закончится срок хранения, записи будут удалены, и восстановить их будет нельзя.",
    received="Получено",
    removed="Будет удалено",
    zone="Время",
    others={
        "one": "И ещё {count} сообщение: оно есть в консоли.",
        "few": "И ещё {count} сообщения: они есть в консоли.",
        "many": "И ещё {count} сообщений: они есть в консоли.",
    },
    open_one="Прослушать в консоли",
    open_many="Открыть все в консоли",
)

ENGLISH: Final = WarningTexts(
    kind="Answering machine",
    titles={
        "one": "{count} unheard voice message will soon be removed",
        "other": "{count} unheard voice messages will soon be removed",
    },
    lead_one="Nobody has listened to it in the console or called the customer back. "
    "When its retention time is over, the recording is removed for good.",
    lead_many="Nobody has listened to them in the console or called the customers back. "
    "When their retention time is over, the recordings are removed for good.",
    received="Received",
    removed="Will be removed",
    zone="Times",
    others={
        "one": "And {count} more message, which you find in the console.",
        "other": "And {count} more messages, which you find in the console.",
    },
    open_one="Listen in the console",
    open_many="Open all in the console",
)

TEXTS: Final[dict[Language, WarningTexts]] = {Language.RUSSIAN: RUSSIAN, Language.ENGLISH: ENGLISH}


def page(organization_id: OrganizationId, command: SendLetter) -> dict[str, object]:
    """Everything that the templates of a warning show, as text."""
    texts, shared = TEXTS[command.language], letter_texts.TEXTS[command.language]
    count = max(command.unheard_count, len(command.unheard))
    title = _counted(texts.titles, count, command.language)
    department, employee = one_line(command.department_name), one_line(command.employee_name)
    where = letter_texts.in_department(department, shared) if department else employee
    rows = [(shared.department, department), (shared.employee, employee)]
    zone = formats.place(formats.zone(command.timezone), command.language)
    left_out = count - len(command.unheard)
    url = _console_url(organization_id, command, count)
    opened = texts.open_one if count == 1 else texts.open_many
    return {
        "language": str(command.language),
        "subject": f"{title}: {where}" if where else title,
        "kind": texts.kind,
        "title": title,
        "lead": texts.lead_one if count == 1 else texts.lead_many,
        "accent": ACCENT,
        "rows": [*((label, value) for label, value in rows if value), (texts.zone, zone)],
        "messages": [_message(command, each) for each in command.unheard],
        "received": texts.received,
        "removed": texts.removed,
        "others": _counted(texts.others, left_out, command.language) if left_out else "",
        "console_url": url,
        "open": opened,
        "links": [(opened, url)] if url else [],
        "organization": one_line(command.organization_name),
        "footer": shared.footer,
    }


def _counted(forms: Mapping[str, str], count: int, language: Language) -> str:
    """The plural form for a count; the last one where a language lacks it."""
    form = Locale.parse(str(language)).plural_form(count)
    return forms.get(form, list(forms.values())[-1]).format(count=count)


def _message(command: SendLetter, message: UnheardMessage) -> dict[str, str]:
    where, language = formats.zone(command.timezone), command.language
    return {
        "caller": one_line(formats.number(message.caller, letter_texts.TEXTS[language].withheld)),
        "call_url": call_url(message.caller),
        "received": formats.moment_in_list(message.taken_at, where, language),
        "length": formats.duration(message.duration_ms, language) if message.duration_ms else "",
        "removed": formats.moment_in_list(message.removed_at, where, language),
    }


def _console_url(organization_id: OrganizationId, command: SendLetter, count: int) -> str:
    """The console's page of the only voice message, or of all; empty without a console."""
    if count == 1:
        only = command.unheard[0].voice_message_id
        return formats.voicemail_page(command.console_url, organization_id, only)
    return formats.console_page(command.console_url, organization_id, "voicemail")
