"""Every error of the API: a stable code, a status, the cause and the remedy in two languages."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Code(StrEnum):
    """The stable codes."""

    ADDRESS_UNKNOWN = "address_unknown"
    ALREADY_CLAIMED = "already_claimed"
    AUDIO_GONE = "audio_gone"
    AUDIO_NOT_YET = "audio_not_yet"
    BODY_TOO_LARGE = "body_too_large"
    CLAIM_OF_ANOTHER = "claim_of_another"
    CURSOR_UNKNOWN = "cursor_unknown"
    CUSTOMER_ERASED = "customer_erased"
    FILTER_UNKNOWN = "filter_unknown"
    FILTER_TOO_LONG = "filter_too_long"
    FORBIDDEN = "forbidden"
    HTTP_TOO_OLD = "http_too_old"
    LOG_AWAY = "log_away"
    METHOD_UNKNOWN = "method_unknown"
    NOT_FOUND = "not_found"
    NOT_YET_READ = "not_yet_read"
    NOTE_BLANK = "note_blank"
    NOTES_FULL = "notes_full"
    NUMBER_UNUSABLE = "number_unusable"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    PERIOD_MISSING = "period_missing"
    PERIOD_TWICE = "period_twice"
    PERIOD_UNUSABLE = "period_unusable"
    PERSON_NEEDED = "person_needed"
    REQUEST_INVALID = "request_invalid"
    STARTING = "starting"
    TOKEN_MISSING = "token_missing"  # noqa: S105  # the name of an error
    TOKEN_KIND_ENDED = "token_kind_ended"  # noqa: S105  # the name of an error
    TOKEN_REFUSED = "token_refused"  # noqa: S105  # the name of an error
    TOO_MANY_REQUESTS = "too_many_requests"
    ZONE_UNKNOWN = "zone_unknown"


class Text(Struct, frozen=True, kw_only=True):
    """The same in Russian and English."""

    ru: str
    en: str


class Problem(Struct, frozen=True, kw_only=True):
    """The one shape of an error; `field` is where in the request."""

    code: str
    cause: Text
    remedy: Text
    field: str = ""


class Refused(Exception):
    """A request is refused."""

    def __init__(self, code: Code, *, field: str = "", **values: str | Text) -> None:
        self.code = code
        self.field = field
        self.values = values
        super().__init__(f"{code} {field}".strip())

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _TABLE[self.code][0]

    def problem(self) -> Problem:
        """The body of the answer."""
        _, cause, remedy = _TABLE[self.code]
        return Problem(
            code=str(self.code),
            cause=_filled(cause, self.values),
            remedy=_filled(remedy, self.values),
            field=self.field,
        )


def _filled(text: tuple[str, str], values: dict[str, str | Text]) -> Text:
    ru = {name: value.ru if isinstance(value, Text) else value for name, value in values.items()}
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    return Text(ru=text[0].format(**ru), en=text[1].format(**en))


GONE: Final = {
    "erased": Text(ru="данные клиента стёрты", en="the customer's data were erased"),
    "deleted": Text(ru="её удалил сотрудник", en="somebody has deleted it"),
    "retention": Text(ru="закончился срок её хранения", en="its retention time is over"),
}
"""Why audio is gone, by the reason of its fact."""
NEVER_THERE: Final = Text(ru="записать разговор не удалось", en="the conversation could not be recorded")


def gone(reason: str) -> Text:
    """Why there is no audio, in words; without a reason it was never recorded."""
    return GONE.get(reason, NEVER_THERE)


_Row = tuple[int, tuple[str, str], tuple[str, str]]
_TABLE: Final[dict[Code, _Row]] = {
    Code.ADDRESS_UNKNOWN: (
        404,
        ("Такого адреса нет.", "There is no such address."),
        (
            "Все адреса — в описании API: /schema/openapi.json на внутреннем порту службы.",
            "All addresses are in the description of the API: /schema/openapi.json on the internal port.",
        ),
    ),
    Code.ALREADY_CLAIMED: (
        409,
        ("Сообщение уже в работе: {who}, {when}.", "{who} took this voice message on {when}."),
        ("Обратитесь к этому сотруднику или возьмите другое.", "Ask this person, or take another one."),
    ),
    Code.AUDIO_GONE: (
        410,
        ("Записи нет: {reason}.", "There is no audio: {reason}."),
        (
            "Её нельзя вернуть; время и участники остались в истории.",
            "It can't be brought back; when it was, and who took part, stays in history.",
        ),
    ),
    Code.AUDIO_NOT_YET: (
        409,
        ("Запись ещё не сохранена.", "The audio is not stored yet."),
        ("Повторите через минуту.", "Try again in a minute."),
    ),
    Code.BODY_TOO_LARGE: (
        413,
        ("Запрос слишком велик.", "The request is too large."),
        ("Сократите его.", "Make it smaller."),
    ),
    Code.CLAIM_OF_ANOTHER: (
        403,
        ("Сообщение в работе у другого сотрудника: {who}.", "Somebody else has this voice message: {who}."),
        (
            "Вернуть его может этот сотрудник, руководитель отдела или администратор.",
            "This person can give it back, and so can a department head or an administrator.",
        ),
    ),
    Code.CURSOR_UNKNOWN: (
        422,
        ("Такой страницы нет.", "There is no such page."),
        ("Начните с первой страницы.", "Begin with the first page."),
    ),
    Code.CUSTOMER_ERASED: (
        410,
        ("Данные этого клиента стёрты.", "This customer's data were erased."),
        ("Писать о нём здесь больше нельзя.", "Nothing more can be written about the customer here."),
    ),
    Code.FILTER_UNKNOWN: (
        422,
        ("Такого значения у фильтра нет.", "This filter does not have this value."),
        ("Есть: {known}.", "There are: {known}."),
    ),
    Code.FILTER_TOO_LONG: (
        422,
        ("В фильтре больше {limit} значений.", "This filter has more than {limit} values."),
        ("Разделите запрос или уберите фильтр.", "Split the request, or leave the filter out."),
    ),
    Code.FORBIDDEN: (
        403,
        (
            "Ваши права этого не позволяют; отказ записан.",
            "Your rights do not allow this; the refusal is recorded.",
        ),
        ("Попросите администратора изменить права.", "Ask an administrator to change your rights."),
    ),
    Code.HTTP_TOO_OLD: (
        505,
        (
            "По HTTP/1.0 нельзя заметить, что загрузка оборвалась.",
            "Over HTTP/1.0 nobody can see that a download was cut off.",
        ),
        (
            "Используйте HTTP/1.1; в nginx это proxy_http_version 1.1.",
            "Use HTTP/1.1; in nginx that is proxy_http_version 1.1.",
        ),
    ),
    Code.LOG_AWAY: (
        503,
        (
            "Журнал сейчас недоступен: неизвестно, записано ли действие.",
            "The log is away: nobody knows whether this was kept.",
        ),
        ("Повторите через минуту: повтор безопасен.", "Try again in a minute: repeating is safe."),
    ),
    Code.METHOD_UNKNOWN: (
        405,
        ("Этот адрес так не вызывают.", "This address does not know this method."),
        (
            "Все адреса — в описании API: /schema/openapi.json на внутреннем порту службы.",
            "All addresses are in the description of the API: /schema/openapi.json on the internal port.",
        ),
    ),
    Code.NOT_FOUND: (
        404,
        ("В истории вашей организации этого нет.", "The history of your organization does not have this."),
        ("Проверьте ссылку.", "Check the link."),
    ),
    Code.NOT_YET_READ: (
        503,
        (
            "Действие записано, но история его ещё не прочла.",
            "This is kept, but history has not read it back yet.",
        ),
        ("Обновите страницу через минуту.", "Look again in a minute."),
    ),
    Code.NOTE_BLANK: (
        422,
        ("Заметка пуста.", "The note is blank."),
        ("Напишите хотя бы слово.", "Write at least a word."),
    ),
    Code.NOTES_FULL: (
        409,
        ("У сообщения уже {limit} заметок.", "This voice message has {limit} notes already."),
        ("Больше здесь не помещается.", "There is no room for more."),
    ),
    Code.NUMBER_UNUSABLE: (
        422,
        ("Это не телефонный номер.", "This is no phone number."),
        ("Укажите номер в виде +79161234567.", "Give it as +79161234567."),
    ),
    Code.PERIOD_MISSING: (
        422,
        ("Этот конец периода не задан.", "This end of the period is missing."),
        ("Укажите момент или день.", "Give an instant, or a day."),
    ),
    Code.PERIOD_TWICE: (
        422,
        ("Этот конец периода задан дважды.", "This end of the period is given twice."),
        ("Укажите или момент, или день.", "Give an instant, or a day."),
    ),
    Code.PERIOD_UNUSABLE: (
        422,
        (
            "Период кончается раньше, чем начался, или длиннее года.",
            "The period is reversed, or longer than a year.",
        ),
        ("Спрашивайте не больше года за раз.", "Ask for a year at most."),
    ),
    Code.PERSON_NEEDED: (
        403,
        ("Это может сделать только сотрудник, а не программа.", "Only a person can do this, not a program."),
        ("Войдите под своим именем.", "Log in as yourself."),
    ),
    Code.REQUEST_INVALID: (
        400,
        ("Запрос нельзя прочесть.", "The request can't be read."),
        ("Исправьте указанное поле.", "Correct the field that is named."),
    ),
    Code.STARTING: (
        503,
        ("История ещё читает журнал.", "History is still reading the log."),
        ("Повторите через минуту.", "Try again in a minute."),
    ),
    Code.ORGANIZATION_SUSPENDED: (
        403,
        ("Организация приостановлена.", "The organization is suspended."),
        ("Обратитесь к тому, кто обслуживает эту установку.", "Turn to whoever runs this installation."),
    ),
    Code.TOKEN_MISSING: (
        401,
        ("Запрос без ключа доступа.", "The request has no access token."),
        ("Войдите, чтобы открыть ссылку.", "Log in to open this link."),
    ),
    Code.TOKEN_KIND_ENDED: (
        401,
        (
            "Ключ сделан прежней версией; такие ключи действовали по {until} включительно.",
            "An earlier version made this token; such tokens were valid until {until}.",
        ),
        (
            "Попросите администратора выпустить его заново: POST /tokens/ID/reissue.",
            "Ask an administrator to make it anew: POST /tokens/ID/reissue.",
        ),
    ),
    Code.TOKEN_REFUSED: (
        401,
        ("Ключ доступа не подходит или истёк.", "The access token does not hold, or is over."),
        ("Войдите снова.", "Log in again."),
    ),
    Code.TOO_MANY_REQUESTS: (
        429,
        (
            "Лимит вашей организации исчерпан ({what}): {limit}.",
            "Your organization has used up its quota of {what}: {limit}.",
        ),
        ("Повторите через {seconds} с.", "Try again in {seconds} s."),
    ),
    Code.ZONE_UNKNOWN: (
        422,
        ("Такого часового пояса нет.", "There is no such time zone."),
        ("Назовите его как Europe/Moscow.", "Name it as Europe/Moscow."),
    ),
}
