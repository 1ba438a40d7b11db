"""The text of an organization's own notice: its limits, its parts, and why it is refused (T3, T6).

The text is cut at its placeholders. Those of a card (department, employee, return_date) are filled from
`values` before the text is spoken; those of a call (position, wait_minutes, number) stay open, and the
service that plays the notice puts standard prompts there.
"""

import difflib
import re
from enum import StrEnum
from typing import Final

import msgspec

from contracts.dialling import HOME_REGION
from contracts.directory import Language
from services.tts.rules.text_normalization import as_spoken, has_words

TEXT_CHARACTERS_MAX: Final = 1_000
VALUE_CHARACTERS_MAX: Final = 200
"""A longer name is no use to a listener; the limit also bounds the length of a filled text."""

CARD_PLACEHOLDERS: Final = ("department", "employee", "return_date")
CALL_PLACEHOLDERS: Final = ("position", "wait_minutes", "number")
PLACEHOLDERS: Final = CARD_PLACEHOLDERS + CALL_PLACEHOLDERS


class Refusal(StrEnum):
    """Why a notice can never be made: the stable code of an error that people see."""

    TEXT_BLANK = "text_blank"
    TEXT_TOO_LONG = "text_too_long"
    NOTHING_TO_SAY = "nothing_to_say"
    PLACEHOLDER_UNKNOWN = "placeholder_unknown"
    PLACEHOLDER_BROKEN = "placeholder_broken"
    VALUE_MISSING = "value_missing"
    VALUE_TOO_LONG = "value_too_long"
    SPEECH_SILENT = "speech_silent"
    SPEECH_TOO_LONG = "speech_too_long"
    UPLOAD_MISSING = "upload_missing"
    UPLOAD_TOO_LARGE = "upload_too_large"
    UPLOAD_NOT_AUDIO = "upload_not_audio"
    UPLOAD_BROKEN = "upload_broken"
    UPLOAD_SILENT = "upload_silent"
    UPLOAD_TOO_LONG = "upload_too_long"
    SUPERSEDED = "superseded"


_REASONS: Final[dict[Language, dict[Refusal, str]]] = {
    Language.RUSSIAN: {
        Refusal.TEXT_BLANK: "Текст уведомления пуст. Напишите, что должен услышать звонящий.",
        Refusal.TEXT_TOO_LONG: "В тексте знаков: {found}, а можно не больше 1000. Сократите текст.",
        Refusal.NOTHING_TO_SAY: "В тексте нет слов, которые можно произнести: только знаки или эмодзи. "
        "Напишите текст словами.",
        Refusal.PLACEHOLDER_UNKNOWN: "Подстановка {found} неизвестна. {hint}",
        Refusal.PLACEHOLDER_BROKEN: "Фигурная скобка не относится ни к одной подстановке. "
        "Закройте её, как в {{position}}, или уберите.",
        Refusal.VALUE_MISSING: "Для подстановки {found} нет значения. Заполните его в карточке "
        "или уберите подстановку из текста.",
        Refusal.VALUE_TOO_LONG: "Значение подстановки {found} длиннее 200 знаков. Сократите его.",
        Refusal.SPEECH_SILENT: "По этому тексту получилась тишина: голос не может произнести его. "
        "Напишите текст словами на языке уведомления.",
        Refusal.SPEECH_TOO_LONG: "Речь по этому тексту длиннее пяти минут. Сократите текст.",
        Refusal.UPLOAD_MISSING: "Загруженного файла нет в хранилище. Загрузите его ещё раз.",
        Refusal.UPLOAD_TOO_LARGE: "Файл больше 10 МБ. Загрузите файл меньшего размера, например MP3.",
        Refusal.UPLOAD_NOT_AUDIO: "Файл — не звук в формате WAV, MP3, OGG/Opus или M4A, каким бы ни было "
        "его имя. Сохраните запись в одном из этих форматов.",
        Refusal.UPLOAD_BROKEN: "Файл повреждён: звук из него не прочитать. "
        "Сохраните запись заново и загрузите её.",
        Refusal.UPLOAD_SILENT: "В файле только тишина. Проверьте запись и загрузите её ещё раз.",
        Refusal.UPLOAD_TOO_LONG: "Запись длиннее пяти минут. Сократите её.",
        Refusal.SUPERSEDED: "Уведомление сохранено заново, и эта его версия больше не нужна. "
        "Ничего делать не надо.",
    },
    Language.ENGLISH: {
        Refusal.TEXT_BLANK: "The notice has no text. Write what the caller shall hear.",
        Refusal.TEXT_TOO_LONG: "The text has {found} characters; 1,000 are allowed. Shorten it.",
        Refusal.NOTHING_TO_SAY: "The text has no words that can be spoken, only signs or emoji. "
        "Write it in words.",
        Refusal.PLACEHOLDER_UNKNOWN: "The placeholder {found} is unknown. {hint}",
        Refusal.PLACEHOLDER_BROKEN: "A brace belongs to no placeholder. "
        "Close it, as in {{position}}, or remove it.",
        Refusal.VALUE_MISSING: "The placeholder {found} has no value. Fill it in on the card, "
        "or remove the placeholder from the text.",
        Refusal.VALUE_TOO_LONG: "The value of the placeholder {found} is longer than 200 characters. "
        "Shorten it.",
        Refusal.SPEECH_SILENT: "This text came out as silence: the voice cannot speak it. "
        "Write it in words of the notice's language.",
        Refusal.SPEECH_TOO_LONG: "The speech of this text is longer than five minutes. Shorten the text.",
        Refusal.UPLOAD_MISSING: "The uploaded file is not in the store. Upload it again.",
        Refusal.UPLOAD_TOO_LARGE: "The file is larger than 10 MB. Upload a smaller one, an MP3 for example.",
        Refusal.UPLOAD_NOT_AUDIO: "The file is not audio in WAV, MP3, OGG/Opus or M4A, whatever its name "
        "says. Save the recording in one of these formats.",
        Refusal.UPLOAD_BROKEN: "The file is damaged: no sound can be read from it. Save the recording anew "
        "and upload it.",
        Refusal.UPLOAD_SILENT: "There is only silence in the file. Check the recording and upload it again.",
        Refusal.UPLOAD_TOO_LONG: "The recording is longer than five minutes. Shorten it.",
        Refusal.SUPERSEDED: "The notice was saved anew, and this version of it is not needed any more. "
        "There is nothing to do.",
    },
}


DELAYED: Final[dict[Language, str]] = {
    Language.RUSSIAN: "not_rendered: Сейчас озвучить уведомление не удалось. Прежнее остаётся в силе, "
    "попытки продолжаются сами.",
    Language.ENGLISH: "not_rendered: The notice can't be spoken at the moment. The previous one stays, "
    "and it is tried again by itself.",
}
"""The reason while a retry may still help."""


class NoticeRefused(Exception):
    """A notice that no retry can make: its author has to change it."""

    def __init__(self, refusal: Refusal, *, found: str = "", hint: str = "") -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self._found = found
        self._hint = hint

    def reason(self, language: Language) -> str:
        """The stable code, the cause and the remedy, in the author's language."""
        said = _REASONS[language][self.refusal].format(found=self._found, hint=_hint(language, self._hint))
        return f"{self.refusal}: {said}"


def _hint(language: Language, nearest: str) -> str:
    if nearest:
        opening = "Возможно, имелось в виду" if language is Language.RUSSIAN else "Perhaps you meant"
        return f"{opening} {{{nearest}}}."
    opening = "Можно использовать" if language is Language.RUSSIAN else "You can use"
    return f"{opening} {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}."


class SpokenPart(msgspec.Struct, frozen=True):
    """A part to be rendered, in the words that are spoken."""

    text: str


class OpenPlaceholder(msgspec.Struct, frozen=True):
    """A placeholder that is filled during the call."""

    placeholder: str

    def __str__(self) -> str:
        """As it is named among the parts of a rendered notice."""
        return f"{{{self.placeholder}}}"


Part = SpokenPart | OpenPlaceholder

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def parts(
    language: Language, text: str, values: dict[str, str], region: str = HOME_REGION
) -> tuple[Part, ...]:
    """Check a notice's text and cut it into parts. Raises NoticeRefused."""
    if len(text) > TEXT_CHARACTERS_MAX:
        raise NoticeRefused(Refusal.TEXT_TOO_LONG, found=str(len(text)))
    if not text.strip():
        raise NoticeRefused(Refusal.TEXT_BLANK)
    found: list[Part] = []
    written = ""
    for place, piece in enumerate(_PLACEHOLDER.split(text)):
        if place % 2 == 0:
            if "{" in piece or "}" in piece:
                raise NoticeRefused(Refusal.PLACEHOLDER_BROKEN)
            written += piece
        elif _name(piece) in CARD_PLACEHOLDERS:
            written += _named(written, _value(_name(piece), values))
        else:
            found += [*_spoken(language, written, region), OpenPlaceholder(_name(piece))]
            written = ""
    found += _spoken(language, written, region)
    if not found:
        raise NoticeRefused(Refusal.NOTHING_TO_SAY)
    return tuple(found)


def _name(written: str) -> str:
    name = written.strip().lower()
    if name in PLACEHOLDERS:
        return name
    near = difflib.get_close_matches(name[:40], PLACEHOLDERS, n=1)
    raise NoticeRefused(
        Refusal.PLACEHOLDER_UNKNOWN, found=f"{{{written[:40]}}}", hint=near[0] if near else ""
    )


def _value(name: str, values: dict[str, str]) -> str:
    value = values.get(name, "")
    if len(value) > VALUE_CHARACTERS_MAX:
        raise NoticeRefused(Refusal.VALUE_TOO_LONG, found=f"{{{name}}}")
    if not has_words(value):
        raise NoticeRefused(Refusal.VALUE_MISSING, found=f"{{{name}}}")
    return value


_DEPARTMENT: Final = re.compile(r"(?:отдел[а-яё]*)\s*[«\"“]?\Z", re.IGNORECASE)


def _named(before: str, value: str) -> str:
    """«в отделе «{department}»» with «Отдел продаж»: the word «отдел» is spoken once."""
    first, _, rest = value.partition(" ")
    return rest if rest and first.lower() == "отдел" and _DEPARTMENT.search(before) else value


def _spoken(language: Language, written: str, region: str) -> list[Part]:
    said = as_spoken(language, written, region)
    return [SpokenPart(said)] if has_words(said) else []
