"""What the audit trail says in words, in both languages: fields of cards, their values, security events."""

from typing import Final

from msgspec import Struct

from contracts.directory import Language


class Words(Struct, frozen=True):
    """The same in Russian and English."""

    ru: str
    en: str

    def said(self, language: Language) -> str:
        """In one language."""
        return self.ru if language is Language.RUSSIAN else self.en


NOTHING: Final = Words("—", "—")
YES: Final = Words("да", "yes")
NO: Final = Words("нет", "no")
SPANS: Final = (
    (3_600_000, Words("ч", "h")),
    (60_000, Words("мин", "min")),
    (1_000, Words("с", "s")),
    (1, Words("мс", "ms")),
)
DAYS: Final = (
    Words("пн", "Mon"),
    Words("вт", "Tue"),
    Words("ср", "Wed"),
    Words("чт", "Thu"),
    Words("пт", "Fri"),
    Words("сб", "Sat"),
    Words("вс", "Sun"),
)
# One row per word: a table is read across.
# fmt: off
FIELDS: Final[dict[str, Words]] = {
    "absence": Words("при отсутствии", "when absent"),
    "absences": Words("отпуск или отсутствие", "absences"),
    "actions": Words("права", "rights"),
    "administrators": Words("получатели писем, если больше некому", "who gets letters that nobody else gets"),
    "agent_id": Words("сотрудник", "employee"),
    "agents": Words("состав отдела", "agents"),
    "allowed_regions": Words("разрешённые страны", "allowed countries"),
    "allowed_types": Words("разрешённые виды номеров", "allowed types of numbers"),
    "announcement_gap_ms": Words("пауза между объявлениями", "pause between announcements"),
    "apologies_at_once_max": Words("звонков с извинениями одновременно", "apology calls at once"),
    "apology": Words("извинение", "apology"),
    "arrows": Words("стрелки", "arrows"),
    "attempt_gap_ms": Words("пауза между попытками", "pause between attempts"),
    "attempts_max": Words("попыток", "attempts"),
    "auto_pause_misses": Words("пауза после стольких пропущенных", "pause after so many misses"),
    "callback": Words("обратный звонок", "callback"),
    "confirms_customer": Words("клиент подтверждает клавишей", "the customer presses a key"),
    "console_url": Words("адрес консоли", "console's address"),
    "days": Words("дни", "days"),
    "denied_numbers": Words("запрещённые номера", "denied numbers"),
    "department_id": Words("отдел", "department"),
    "department_ids": Words("только в отделах", "only in departments"),
    "dialling": Words("исходящие вызовы", "dialling"),
    "duration_ms_max": Words("наибольшая длина", "longest"),
    "element_id": Words("элемент", "element"),
    "elements": Words("элементы", "elements"),
    "email": Words("почта", "e-mail"),
    "ends_at": Words("действует до", "valid until"),
    "extension": Words("внутренний номер", "extension"),
    "first_day": Words("с", "from"),
    "from_abandoned": Words("перезванивать не дождавшимся", "call back who gave up"),
    "from_minute": Words("с", "from"),
    "greeting": Words("приветствие", "greeting"),
    "has_call_waiting": Words("второй вызов", "call waiting"),
    "heads": Words("руководители", "heads"),
    "holidays": Words("праздники страны", "holidays of"),
    "home_region": Words("своя страна", "home country"),
    "hours": Words("график работы", "working hours"),
    "invitation": Words("предложение обратного звонка", "invitation"),
    "invitation_after_ms": Words("предлагать через", "invite after"),
    "is_on": Words("включено", "on"),
    "is_paused": Words("пауза", "paused"),
    "is_suspended": Words("временно исключён", "suspended"),
    "job_title": Words("должность", "job title"),
    "keeps_holidays": Words("не работает в праздники", "keeps holidays"),
    "keeps_joining_time": Words("время ожидания сохраняется", "keeps the joining time"),
    "key": Words("аудио", "audio"),
    "kind": Words("вид", "kind"),
    "language": Words("язык", "language"),
    "last_day": Words("по", "until"),
    "legs_max": Words("линий одновременно", "legs at once"),
    "lines": Words("номера", "lines"),
    "login": Words("логин", "login"),
    "may_download": Words("может выгружать историю", "may download history"),
    "may_hear": Words("может слушать записи", "may hear recordings"),
    "minutes_per_day_max": Words("минут в день", "minutes a day"),
    "mobile": Words("мобильный", "mobile"),
    "mobile_delay_ms": Words("мобильный звонит через", "the mobile rings after"),
    "name": Words("название", "name"),
    "no_answer": Words("если не отвечает", "when there is no answer"),
    "no_answer_action": Words("если никто не отвечает", "when nobody answers"),
    "no_answer_ms": Words("время ожидания ответа", "no-answer timeout"),
    "notice": Words("уведомление", "notice"),
    "notice_id": Words("уведомление", "notice"),
    "notices": Words("уведомления", "notices"),
    "number": Words("номер", "number"),
    "numbers": Words("номера", "numbers"),
    "numbers_hidden_from": Words("от кого скрыты номера клиентов", "from whom customers' numbers are hidden"),
    "on": Words("по", "on"),
    "order_taken": Words("заказ принят", "order taken"),
    "orders_per_day_max": Words("заказов в день", "orders a day"),
    "orders_per_day_per_number_max": Words("заказов в день на номер", "orders a day to a number"),
    "orders_per_hour_per_number_max": Words("заказов в час на номер", "orders an hour to a number"),
    "orders_per_minute_max": Words("заказов в минуту", "orders a minute"),
    "orders_per_minute_per_department_max": Words("заказов в минуту на отдел", "orders a minute of a department"),
    "out_of_hours": Words("вне графика", "out of hours"),
    "overflow_action": Words("если очередь полна", "when the queue is full"),
    "pause_between_rounds_ms": Words("пауза между кругами", "pause between rounds"),
    "pbx_id": Words("АТС", "PBX"),
    "percent": Words("процент", "percent"),
    "position": Words("место в очереди", "position"),
    "reason": Words("причина", "reason"),
    "recipients": Words("получатели писем", "recipients of letters"),
    "records_calls": Words("запись разговоров", "records calls"),
    "requires_second_factor": Words("вход только со вторым фактором", "logging in takes a second factor"),
    "retention_days": Words("хранить аудио, дней", "audio is kept, days"),
    "ring_ms": Words("время звонка", "ring time"),
    "rings_desk": Words("звонит настольный", "desk phone rings"),
    "rings_mobile": Words("звонит мобильный", "mobile rings"),
    "role": Words("роль", "role"),
    "satellite_numbers": Words("спутниковые номера", "satellite numbers"),
    "second_agent_id": Words("второй сотрудник", "second employee"),
    "sees_organization": Words("видит всю организацию", "sees the organization"),
    "service_level": Words("уровень обслуживания", "service level"),
    "silence_ms": Words("тишина завершает через", "silence ends it after"),
    "sims": Words("корпоративные SIM-карты", "company SIM cards"),
    "speech_ms_min": Words("наименьшая речь", "least speech"),
    "step_ms": Words("шаг", "step"),
    "strategy": Words("распределение", "strategy"),
    "talk_ms_min": Words("разговор считается с", "a talk counts from"),
    "text": Words("текст", "text"),
    "timezone": Words("часовой пояс", "time zone"),
    "to": Words("к", "to"),
    "until_at": Words("до", "until"),
    "until_minute": Words("до", "until"),
    "voicemail": Words("автоответчик", "voicemail"),
    "wait_ms": Words("время ожидания", "wait"),
    "waiting_max": Words("ждущих не больше", "waiting at most"),
    "welcome": Words("приветствие очереди", "welcome"),
    "within_s": Words("ответ за, с", "answered within, s"),
    "wrap_up_ms": Words("время на заметки", "wrap-up"),
}
VALUES: Final[dict[str, Words]] = {
    "administrator": Words("администратор", "administrator"),
    "break": Words("перерыв", "break"),
    "cloud": Words("облачная", "cloud"),
    "colleague": Words("коллеге", "to a colleague"),
    "cumulative": Words("по нарастающей", "cumulative"),
    "department": Words("отдел", "department"),
    "department_head": Words("руководитель отдела", "department head"),
    "drop": Words("сбросить", "drop"),
    "en": Words("английский", "English"),
    "external_number": Words("внешний номер", "external number"),
    "fixed_line": Words("городской", "fixed line"),
    "fixed_line_or_mobile": Words("городской или мобильный", "fixed line or mobile"),
    "fallback_employee": Words("запасной сотрудник", "fallback employee"),
    "greeting": Words("приветствие", "greeting"),
    "hang_up": Words("завершить", "hang up"),
    "hours": Words("график", "hours"),
    "internal_subscriber": Words("внутренний абонент", "internal subscriber"),
    "linear": Words("по очереди", "linear"),
    "longest_idle": Words("равномерно", "longest idle"),
    "lunch": Words("обед", "lunch"),
    "meeting": Words("совещание", "meeting"),
    "menu": Words("меню", "menu"),
    "mobile": Words("на мобильный", "to the mobile"),
    "none": Words("без сообщения", "none"),
    "office": Words("офисная", "office"),
    "other_department": Words("другой отдел", "other department"),
    "other_work": Words("другая работа", "other work"),
    "pager": Words("пейджер", "pager"),
    "personal_number": Words("персональный номер", "personal number"),
    "premium_rate": Words("платный", "premium rate"),
    "restricted_user": Words("пользователь с ограничениями", "restricted user"),
    "ring_all": Words("всем сразу", "ring all"),
    "ru": Words("русский", "Russian"),
    "shared_cost": Words("с оплатой пополам", "shared cost"),
    "spoken": Words("из текста", "spoken"),
    "standard": Words("стандартное", "standard"),
    "toll_free": Words("бесплатный", "toll free"),
    "training": Words("обучение", "training"),
    "uan": Words("корпоративный", "universal access"),
    "uploaded": Words("загруженное", "uploaded"),
    "user": Words("пользователь", "user"),
    "voicemail": Words("автоответчик", "voicemail"),
    "voip": Words("номер интернет-телефонии", "VoIP"),
}
"""Values of enumerations; whatever is not here is shown as it is."""
DONE: Final[dict[str, Words]] = {
    "created": Words("создано", "created"),
    "changed": Words("изменено", "changed"),
    "removed": Words("удалено", "removed"),
    "password": Words("сменён пароль", "password replaced"),
    "phone password": Words("сменён пароль телефона", "phone password replaced"),
    "session.login": Words("вход", "login"),
    "session.logged_out": Words("выход", "logout"),
    "session.ended": Words("завершены входы сотрудника", "an employee's logins were ended"),
    "session.openid": Words("вход через провайдера", "login by the provider"),
    "session.break_glass": Words("аварийный вход по паролю", "emergency login by a password"),
    "identity.linked": Words("привязана учётная запись", "an account was linked"),
    "identity.unlinked": Words("отвязана учётная запись", "an account was unlinked"),
    "session.locked_out": Words("слишком много попыток входа", "too many tries to log in"),
    "session.refresh_reused": Words("повторно использован токен входа", "a login's token was used twice"),
    "session.second_factor": Words("код второго фактора при входе", "a code of the second factor at a login"),
    "session.reauthenticated": Words("повторный ввод пароля", "the password was given again"),
    "second_factor.changed": Words("изменён второй фактор", "the own second factor was changed"),
    "password.changed": Words("смена своего пароля", "change of the own password"),
    "password.recovery_asked": Words("запрошен код для пароля", "a code for a password was asked for"),
    "password.recovered": Words("восстановление пароля", "recovery of a password"),
    "access.token_refused": Words("отклонён токен", "a token was refused"),
    "access.address_refused": Words("отклонён адрес клиента", "a client's address was refused"),
    "access.refused": Words("отказано в доступе", "access was refused"),
    "role.changed": Words("изменена роль", "role changed"),
    "secret.changed": Words("заменён пароль сотрудника", "an employee's password was replaced"),
    "secret.phone_password_shown": Words("показан пароль телефона по ссылке из письма", "a letter's link showed a phone password"),
    "token.made": Words("создан токен", "token made"),
    "token.revoked": Words("отозван токен", "token revoked"),
    "history.audio_linked": Words("выдана ссылка на аудио", "a link to audio was handed out"),
    "history.downloaded": Words("выгружена история", "history was downloaded"),
    "customer.erased": Words("стёрты данные клиента", "a customer's data were erased"),
    "operator.acted": Words("действие оператора установки", "act of the installation's operator"),
    "quota.refused": Words("превышена квота", "over a quota"),
    "policy.refused": Words("вызов или сообщение запрещены", "a dial or a text was forbidden"),
    "outbox.set_aside": Words("сообщение отложено", "a message was set aside"),
}
"""What was done: to a card, and each security event."""
# fmt: on
_ACTORS: Final[dict[str, Words]] = {
    "": Words("неизвестно кто", "nobody known"),
    "bootstrap": Words("оператор установки", "the installation's operator"),
    "operator": Words("оператор установки", "the installation's operator"),
    "calendar": Words("календарь", "the calendar"),
    "identity-provider": Words("провайдер входа", "the identity provider"),
}


def done(what: str, language: Language) -> str:
    """What was done, in words; an unknown name is shown as it is."""
    found = DONE.get(what)
    return what if found is None else found.said(language)


def field(path: str, language: Language) -> str:
    """A field of a card, in words, each part of its dotted name."""
    names = (FIELDS.get(each, Words(each, each)).said(language) for each in path.split("."))
    return ": ".join(names)


def actor(who: str, names: dict[str, str], language: Language) -> str:
    """Who did it, by name: `agent/…`, `token/…` and others."""
    known = _ACTORS.get(who.partition("/")[0])
    if known is not None:
        name = who.partition("/")[2]
        return f"{known.said(language)} ({name})" if name else known.said(language)
    return names.get(who, who)
