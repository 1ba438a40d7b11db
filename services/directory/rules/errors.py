"""Every error of the directory: a stable code, its status, its cause and its remedy in two languages."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from contracts.dialling import Refusal
from services.directory.state.responses import ErrorShown, Text


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong at a place of the request (`field`, dotted); a warning stops nothing.

    `texts` are values that differ by language.
    """

    code: "Code"
    field: str = ""
    values: dict[str, str] = {}
    is_warning: bool = False
    texts: dict[str, Text] = {}


class RequestRefused(Exception):
    """The request is refused; the problems say why, and the first one decides the status."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(", ".join(f"{each.code} {each.field}".strip() for each in problems))


class Code(StrEnum):
    """The stable codes."""

    ABOVE_CEILING = "above_ceiling"
    ABSENCE_REVERSED = "absence_reversed"
    ACTION_TARGET_WRONG = "action_target_wrong"
    ADDRESS_UNKNOWN = "address_unknown"
    ADMINISTRATOR_MISSING = "administrator_missing"
    ARROW_MISSING = "arrow_missing"
    ARROW_SUPERFLUOUS = "arrow_superfluous"
    ARROW_TO_NOWHERE = "arrow_to_nowhere"
    BEYOND_RIGHTS = "beyond_rights"
    BREAK_GLASS_STAYS = "break_glass_stays"
    BODY_INVALID = "body_invalid"
    BODY_TOO_LARGE = "body_too_large"
    CALLBACK_TIME_SHORT = "callback_time_short"
    CARD_UNREADABLE = "card_unreadable"
    CODE_REFUSED = "code_refused"
    CURSOR_UNKNOWN = "cursor_unknown"
    CYCLE_WITHOUT_CHOICE = "cycle_without_choice"
    DEPARTMENT_EMPTY = "department_empty"
    DEVICE_MISSING = "device_missing"
    ELEMENT_INCOMPLETE = "element_incomplete"
    ELEMENT_TWICE = "element_twice"
    ELEMENT_UNREACHABLE = "element_unreachable"
    EMAIL_WRONG = "email_wrong"
    EXTENSION_ABSENT = "extension_absent"
    EXTENSION_EMERGENCY = "extension_emergency"
    EXTENSION_NOT_ASKED = "extension_not_asked"
    EXTENSION_SHADOWS = "extension_shadows"
    EXTENSION_TAKEN = "extension_taken"
    EXTENSION_UNCHECKED = "extension_unchecked"
    FORBIDDEN = "forbidden"
    FORWARD_LOOP = "forward_loop"
    HOLIDAYS_UNKNOWN = "holidays_unknown"
    HOURS_EMPTY = "hours_empty"
    HOURS_MANY = "hours_many"
    HOURS_OVERLAP = "hours_overlap"
    HOURS_OVERNIGHT = "hours_overnight"
    ID_TAKEN = "id_taken"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IDENTITY_NOT_LINKED = "identity_not_linked"
    IDENTITY_TAKEN = "identity_taken"
    IF_MATCH_MISSING = "if_match_missing"
    IF_MATCH_STALE = "if_match_stale"
    IN_USE = "in_use"
    INVITATION_LATE = "invitation_late"
    LAST_ADMINISTRATOR = "last_administrator"
    LINE_NOT_OF_PBX = "line_not_of_pbx"
    LOGIN_REFUSED = "login_refused"
    LOGIN_TAKEN = "login_taken"
    METHOD_UNKNOWN = "method_unknown"
    MOBILE_MISSING = "mobile_missing"
    MOBILE_TIME_SHORT = "mobile_time_short"
    NOBODY_REACHABLE = "nobody_reachable"
    NOT_FOUND = "not_found"
    NOTICE_UNFIT = "notice_unfit"
    NUMBER_NOT_ASSIGNED = "number_not_assigned"
    NUMBER_REFUSED = "number_refused"
    NUMBER_TAKEN = "number_taken"
    ONE_TIME_EXPIRED = "one_time_expired"
    OPENID_MISSING = "openid_missing"
    OPENID_REFUSED = "openid_refused"
    OPENID_UNAVAILABLE = "openid_unavailable"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    PASSWORD_CHANGE_NEEDED = "password_change_needed"  # noqa: S105  # a code of an error
    PASSWORD_COMMON = "password_common"  # noqa: S105  # a code of an error
    PASSWORD_NOT_USED = "password_not_used"  # noqa: S105  # a code of an error
    PASSWORD_OWN = "password_own"  # noqa: S105  # a code of an error
    PASSWORD_WRONG = "password_wrong"  # noqa: S105  # a code of an error
    PBX_KIND_FIXED = "pbx_kind_fixed"
    PBX_KIND_WRONG = "pbx_kind_wrong"
    PBX_NOT_ASSIGNED = "pbx_not_assigned"
    PHONE_LINK_UNKNOWN = "phone_link_unknown"
    PLACEHOLDER_BROKEN = "placeholder_broken"
    PLACEHOLDER_EMPTY = "placeholder_empty"
    PLACEHOLDER_UNKNOWN = "placeholder_unknown"
    REAUTHENTICATION_NEEDED = "reauthentication_needed"
    REAUTHENTICATION_REFUSED = "reauthentication_refused"
    RECIPIENT_INCOMPLETE = "recipient_incomplete"
    RECIPIENT_WITHOUT_EMAIL = "recipient_without_email"
    RECOVERY_LIMITED = "recovery_limited"
    REFERENCE_UNKNOWN = "reference_unknown"
    SATELLITE_TIME_SHORT = "satellite_time_short"
    SEAT_TWICE = "seat_twice"
    SECOND_FACTOR_ABSENT = "second_factor_absent"
    SECOND_FACTOR_NEEDED = "second_factor_needed"
    SECOND_FACTOR_REFUSED = "second_factor_refused"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    SECOND_FACTOR_SETUP_NEEDED = "second_factor_setup_needed"
    SERVICE_STARTING = "service_starting"
    TARGET_ON_OFFICE_PBX = "target_on_office_pbx"
    TEXTS_OFF = "texts_off"
    TOKEN_END_PAST = "token_end_past"  # noqa: S105  # a code of an error
    TOKEN_KIND_ENDED = "token_kind_ended"  # noqa: S105  # a code of an error
    TOKEN_NOT_LIMITABLE = "token_not_limitable"  # noqa: S105  # a code of an error
    TOKEN_REFUSED = "token_refused"  # noqa: S105  # a code of an error
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_TRIES = "too_many_tries"
    UPLOAD_UNAVAILABLE = "upload_unavailable"
    UPLOAD_UNCHECKED = "upload_unchecked"
    UPLOAD_NOT_AUDIO = "upload_not_audio"
    UPLOAD_BROKEN = "upload_broken"
    UPLOAD_TOO_LONG = "upload_too_long"
    UPLOAD_SILENT = "upload_silent"
    UPLOAD_UNKNOWN = "upload_unknown"
    ZONE_UNKNOWN = "zone_unknown"


class Words(NamedTuple):
    """A code's status (HTTP), and cause and remedy; {…} are filled with the problem's values."""

    status: int
    cause_ru: str
    cause_en: str
    remedy_ru: str
    remedy_en: str


# One row per code: a table is read across, whatever its length.
# fmt: off
WORDS: Final[dict[Code, Words]] = {
    Code.ABOVE_CEILING: Words(422, "«{value}» — больше, чем разрешено вашей организации: {ceiling}.", "«{value}» is above what your organization is granted: {ceiling}.", "Оставайтесь в этих пределах или попросите того, кто обслуживает эту установку, расширить их: python -m ringback operator ceilings {organization}.", "Stay within it, or ask whoever runs this installation: python -m ringback operator ceilings {organization}."),
    Code.ABSENCE_REVERSED: Words(422, "Отсутствие кончается раньше, чем начинается.", "The absence ends before it begins.", "Поменяйте даты местами.", "Swap the two dates."),
    Code.ACTION_TARGET_WRONG: Words(422, "Действие «{kind}» и его цель не подходят друг другу.", "The action «{kind}» and its target do not fit together.", "Укажите именно ту цель, которая нужна этому действию, и никакой другой.", "Give the target that this action needs, and no other."),
    Code.ADDRESS_UNKNOWN: Words(404, "Такого адреса нет.", "There is no such address.", "Все адреса — в описании API: /schema/openapi.json на внутреннем порту службы.", "All addresses are in the description of the API: /schema/openapi.json on the service's internal port."),
    Code.ADMINISTRATOR_MISSING: Words(422, "Среди сотрудников нет администратора.", "None of the employees is an administrator.", "Дайте кому-нибудь эту роль.", "Give somebody that role."),
    Code.ARROW_MISSING: Words(422, "У элемента «{element}» нет стрелки «{on}».", "Element «{element}» has no arrow «{on}».", "Проведите её к следующему элементу.", "Draw it to the next element."),
    Code.ARROW_SUPERFLUOUS: Words(422, "У элемента «{element}» не может быть стрелки «{on}».", "Element «{element}» can have no arrow «{on}».", "Уберите стрелку: маршрут по ней никогда не пойдёт.", "Remove it: no call will ever go along it."),
    Code.ARROW_TO_NOWHERE: Words(422, "Стрелка «{on}» элемента «{element}» ведёт в никуда: элемента «{to}» нет.{guess}", "Arrow «{on}» of element «{element}» leads nowhere: there is no element «{to}».{guess}", "Ведите её к существующему элементу.", "Lead it to an element that exists."),
    Code.BEYOND_RIGHTS: Words(403, "Изменение «{what}» выходит за ваши права: нужно право «{action}».", "The change «{what}» goes beyond your rights: it takes the right «{action}».", "Никто не даёт больше прав, чем имеет сам. Обратитесь к администратору; отказ записан.", "Nobody gives away more rights than he has. Ask an administrator; the refusal is recorded."),
    Code.BREAK_GLASS_STAYS: Words(409, "Это администратор, чей пароль остаётся на случай, когда провайдер входа не отвечает.", "This is the administrator whose password stays for when the provider of identities does not answer.", "Пусть тот, кто обслуживает эту установку, сначала назначит другого.", "Let whoever runs this installation name another one first."),
    Code.BODY_INVALID: Words(400, "Запрос не читается.", "The request can't be read.", "Сверьтесь с описанием API: /schema/openapi.json на внутреннем порту службы.", "Compare it with the description of the API: /schema/openapi.json on the service's internal port."),
    Code.BODY_TOO_LARGE: Words(413, "Запрос слишком велик.", "The request is too large.", "Уменьшите файл или разделите запрос.", "Make the file smaller, or split the request."),
    Code.CALLBACK_TIME_SHORT: Words(200, "За {seconds} с никто не успеет перезвонить.", "Within {seconds} s nobody will manage to call back.", "Дайте две минуты или больше (рекомендуется 10 минут) или выключите заказ обратного звонка.", "Give two minutes or more (10 min is recommended), or switch callbacks off."),
    Code.CARD_UNREADABLE: Words(409, "Сохранённая запись {id} ({kind}) не читается, поэтому сейчас ничего нельзя изменить: всё остальное работает, как раньше.", "The saved {kind} {id} can't be read, so nothing can be changed now; everything else works as before.", "Обратитесь к тем, кто ведёт установку: причина в журнале службы. Сохраните эту запись заново файлом офиса.", "Tell those who run the installation: the service's log has the reason. Save it anew with an office file."),
    Code.CODE_REFUSED: Words(401, "Код неверен или больше не действует.", "The code is wrong, or no longer valid.", "Проверьте код или запросите новый.", "Check the code, or ask for a new one."),
    Code.CURSOR_UNKNOWN: Words(422, "Такой страницы нет.", "There is no such page.", "Начните с первой страницы.", "Begin with the first page."),
    Code.CYCLE_WITHOUT_CHOICE: Words(422, "Звонок пойдёт по кругу без выбора звонящего: {path}.", "A call would go round without a caller's choice: {path}.", "Разорвите круг или поставьте в него меню.", "Break the circle, or put a menu into it."),
    Code.DEPARTMENT_EMPTY: Words(200, "В отделе никого нет: для каждого звонка сразу сработает действие «никто не ответил».", "The department has no agents: every call takes the no-answer action at once.", "Добавьте сотрудников в отдел.", "Add agents to the department."),
    Code.DEVICE_MISSING: Words(422, "У сотрудника не звонит ни один телефон.", "None of the employee's phones rings.", "Включите настольный телефон, мобильный или SIM-карту.", "Switch on the desk phone, the mobile or a SIM card."),
    Code.ELEMENT_INCOMPLETE: Words(422, "Элементу «{element}» не хватает поля «{needs}».", "Element «{element}» lacks «{needs}».", "Заполните его.", "Fill it in."),
    Code.ELEMENT_TWICE: Words(422, "Элемент «{element}» встречается дважды.", "Element «{element}» is there twice.", "Переименуйте один из них.", "Rename one of them."),
    Code.ELEMENT_UNREACHABLE: Words(422, "До элемента «{element}» не доходит ни одна стрелка.", "No arrow leads to element «{element}».", "Проведите к нему стрелку или удалите его.", "Draw an arrow to it, or remove it."),
    Code.EMAIL_WRONG: Words(422, "«{email}» — не адрес электронной почты.", "«{email}» is no e-mail address.", "Напишите адрес так: имя@компания.пример.", "Write it like this: name@company.example."),
    Code.EXTENSION_ABSENT: Words(422, "На АТС «{pbx}» нет внутреннего номера {extension}.", "PBX «{pbx}» has no extension {extension}.", "Проверьте номер у администратора этой АТС.", "Check the number with that PBX's administrator."),
    Code.EXTENSION_EMERGENCY: Words(422, "{extension} — номер экстренной службы.", "{extension} is an emergency number.", "Возьмите другой: свободен {free}.", "Take another: {free} is free."),
    Code.EXTENSION_NOT_ASKED: Words(200, "Внутренний номер {extension} сохраняется без проверки: АТС «{pbx}» сама появляется только сейчас.", "Extension {extension} is saved unchecked: its PBX «{pbx}» is only now made known.", "Когда АТС будет на связи, позвоните на этот номер.", "Call it once the PBX can be reached."),
    Code.EXTENSION_SHADOWS: Words(422, "Внутренний номер {extension} перехватил бы вызов экстренной службы по первым цифрам.", "Who dials an emergency number would reach extension {extension} after its first digits.", "Возьмите другой: свободен {free}.", "Take another: {free} is free."),
    Code.EXTENSION_TAKEN: Words(409, "Внутренний номер {extension} на АТС «{pbx}» занят: {owner}.", "Extension {extension} of PBX «{pbx}» is taken by {owner}.", "Возьмите другой: свободен {free}.", "Take another: {free} is free."),
    Code.EXTENSION_UNCHECKED: Words(503, "Сейчас нельзя проверить номер {extension}: АТС «{pbx}» не ответила за 3 секунды.", "Extension {extension} can't be checked now: PBX «{pbx}» gave no answer in 3 s.", "Ничего не сохранено. Повторите, когда АТС будет на связи.", "Nothing was saved. Try again when the PBX can be reached."),
    Code.FORBIDDEN: Words(403, "На это у вас нет права.", "You have no right to do this.", "Обратитесь к администратору; отказ записан.", "Ask an administrator; the refusal is recorded."),
    Code.FORWARD_LOOP: Words(422, "Звонок пойдёт по кругу: {path}.", "A call would go round for ever: {path}.", "Направьте один из шагов на автоответчик, другого сотрудника или завершение звонка.", "Let one of the steps lead to voicemail, somebody else, or a hang-up."),
    Code.HOLIDAYS_UNKNOWN: Words(422, "Праздники страны «{country}» неизвестны.", "The holidays of country «{country}» are not known.", "Укажите код страны из двух букв: RU.", "Give the country's two letters: RU."),
    Code.HOURS_EMPTY: Words(422, "Рабочее время кончается, когда начинается.", "These hours begin when they end.", "Для круглых суток укажите с 0 до 1440.", "For the whole day give 0 to 1440."),
    Code.HOURS_MANY: Words(422, "Рабочее время всех элементов вместе занимает {count} дней недели, а больше {limit} не бывает.", "The hours of all elements together have {count} days of the week, and there can be no more than {limit}.", "Объедините одинаковые элементы или разделите сценарий на два.", "Join elements with the same hours, or split the scenario in two."),
    Code.HOURS_OVERLAP: Words(200, "Часы {first} и {second} в один и тот же день пересекаются и считаются вместе.", "The hours {first} and {second} overlap on the same day and count as one.", "Если имелось в виду другое, исправьте одни из них.", "If something else is meant, correct one of them."),
    Code.HOURS_OVERNIGHT: Words(200, "Часы {first} переходят через полночь и длятся {hours} ч.", "The hours {first} go over midnight and last {hours} h.", "Если это дневная смена, поменяйте начало и конец местами.", "If a day shift is meant, swap its beginning and end."),
    Code.ID_TAKEN: Words(409, "Код «{id}» уже занят, возможно, удалённой записью.", "Id «{id}» is taken, possibly by something removed.", "Возьмите другой код: старые не используются повторно.", "Take another: ids are never used again."),
    Code.IDEMPOTENCY_KEY_REUSED: Words(422, "Этот Idempotency-Key уже был у другого запроса.", "This Idempotency-Key came with another request before.", "Создайте новый ключ для нового запроса.", "Make a new key for a new request."),
    Code.IDENTITY_NOT_LINKED: Words(403, "Эта учётная запись не привязана ни к одному сотруднику.", "This account is linked with no employee.", "Войдите по паролю и привяжите её, или попросите у администратора одноразовый пароль.", "Log in by your password and link it, or ask an administrator for a one-time password."),
    Code.IDENTITY_TAKEN: Words(409, "Эта учётная запись уже привязана к другому сотруднику.", "This account is linked with another employee already.", "Войдите в другую учётную запись или попросите администратора отвязать эту.", "Sign in to another account, or ask an administrator to unlink this one."),
    Code.IF_MATCH_MISSING: Words(428, "Не сказано, какую версию вы меняете.", "The request does not say which version it changes.", "Пошлите If-Match с ETag, который вы прочли.", "Send If-Match with the ETag that you read."),
    Code.IF_MATCH_STALE: Words(412, "Запись уже изменил кто-то другой: сейчас версия {version}.", "Somebody else has changed this: it is at version {version} now.", "Прочтите её заново и повторите изменение.", "Read it again and repeat your change."),
    Code.IN_USE: Words(409, "Удалить нельзя, на запись ссылаются: {where}.", "It can't be removed, it is used by: {where}.", "Сначала измените эти места.", "Change those places first."),
    Code.INVITATION_LATE: Words(200, "Заказать обратный звонок никому не предложат: приглашение звучит через {after} с, а за 15 с до конца ожидания ({timeout} с) уже не звучит.", "No caller will be invited to order a callback: the invitation comes after {after} s, and not in the last 15 s of the {timeout} s of waiting.", "Приглашайте раньше или дайте больше времени до действия «никто не ответил».", "Invite earlier, or give more time until the no-answer action."),
    Code.LAST_ADMINISTRATOR: Words(409, "Это последний администратор организации.", "This is the organization's last administrator.", "Сначала назначьте другого.", "Appoint another one first."),
    Code.LINE_NOT_OF_PBX: Words(422, "{number} — не номер АТС «{pbx}».", "{number} is no number of PBX «{pbx}».", "Добавьте его к номерам АТС или возьмите один из них.", "Add it to the PBX's numbers, or take one of those."),
    Code.LOGIN_REFUSED: Words(401, "Логин или пароль неверны.", "The login or the password is wrong.", "Проверьте раскладку и повторите или попросите администратора о новом пароле.", "Try again, or ask an administrator for a new password."),
    Code.LOGIN_TAKEN: Words(409, "Логин «{login}» занят.", "Login «{login}» is taken.", "Возьмите другой: свободен {free}.", "Take another: {free} is free."),
    Code.METHOD_UNKNOWN: Words(405, "Так с этим адресом не обращаются.", "This address does not take that method.", "Все действия — в описании API: /schema/openapi.json на внутреннем порту службы.", "All of them are in the description of the API: /schema/openapi.json on the service's internal port."),
    Code.MOBILE_MISSING: Words(422, "Звонки на мобильный включены, а номера мобильного нет.", "Calls to the mobile are on, and there is no mobile number.", "Заполните номер мобильного.", "Fill in the mobile number."),
    Code.MOBILE_TIME_SHORT: Words(200, "Мобильному {agent} остаётся звонить {seconds} с, а меньше 15 с — слишком мало.", "The mobile of {agent} has {seconds} s to ring, and less than 15 s is too little.", "Пусть отдел звонит дольше или мобильный — раньше.", "Let it ring longer, or the mobile earlier."),
    Code.NOBODY_REACHABLE: Words(200, "Письма о голосовых сообщениях никто не получит: адреса нет ни у получателей, ни у администраторов.", "Nobody gets the letters about voice messages: neither the recipients nor the administrators have an e-mail address.", "Заполните адрес хотя бы у одного администратора.", "Fill in the address of one administrator at least."),
    Code.NOT_FOUND: Words(404, "Такой записи нет: {id}.", "There is no such thing: {id}.", "Проверьте код; запись могли удалить.", "Check the id; it may have been removed."),
    Code.NOTICE_UNFIT: Words(422, "Уведомление заполнено не так, как нужно его виду.", "The notice is not filled in as its kind needs.", "Стандартному и пустому не нужно ничего, произнесённому — текст, загруженному — файл.", "Standard and none need nothing, a spoken one a text, an uploaded one a file."),
    Code.NUMBER_NOT_ASSIGNED: Words(422, "Номер {number} не закреплён за вашей организацией.", "{number} does not belong to your organization.", "Уберите его или попросите того, кто обслуживает эту установку, закрепить его: ringback operator assign {organization} --number {number}.", "Take it away, or ask whoever runs this installation to assign it: ringback operator assign {organization} --number {number}."),
    Code.NUMBER_REFUSED: Words(422, "На номер {number} звонить нельзя: {reason}.", "{number} may not be dialled: {reason}.", "Возьмите другой номер или разрешите этот в правилах набора.", "Take another number, or allow this one in the dialling policy."),
    Code.NUMBER_TAKEN: Words(409, "Номер {number} уже занят: {owner}.", "{number} is taken by {owner}.", "Оставьте его у кого-то одного.", "Give it to one of the two."),
    Code.ONE_TIME_EXPIRED: Words(403, "Одноразовый пароль действовал 72 часа и больше не действует.", "The one-time password was valid for 72 hours, which are over.", "Попросите у администратора новый. Единственному администратору его даст тот, кто обслуживает эту установку: ringback operator reset-administrator.", "Ask an administrator for a new one. The only administrator gets it from whoever runs this installation: ringback operator reset-administrator."),
    Code.OPENID_MISSING: Words(404, "Вход через провайдера для этой организации не настроен.", "Sign-in by a provider is not set up for this organization.", "Войдите по паролю или обратитесь к тому, кто обслуживает эту установку.", "Log in by your password, or turn to whoever runs this installation."),
    Code.OPENID_REFUSED: Words(401, "Вход через провайдера не удался.", "The sign-in by the provider was not accepted.", "Начните вход заново; если не выйдет снова, сообщите администратору.", "Begin the sign-in anew; if it fails again, tell an administrator."),
    Code.OPENID_UNAVAILABLE: Words(503, "Провайдер входа сейчас не отвечает как следует.", "The provider of identities does not answer as it should now.", "Повторите через минуту; если не выйдет, сообщите администратору.", "Try again in a minute; if it fails again, tell an administrator."),
    Code.ORGANIZATION_SUSPENDED: Words(403, "Организация приостановлена.", "The organization is suspended.", "Обратитесь к тому, кто обслуживает эту установку.", "Turn to whoever runs this installation."),
    Code.PASSWORD_CHANGE_NEEDED: Words(403, "Сначала смените одноразовый пароль.", "Change the one-time password first.", "Задайте свой пароль: PUT /me/password.", "Choose your own: PUT /me/password."),
    Code.PASSWORD_COMMON: Words(422, "Этот пароль — из самых частых, такие подбирают первыми.", "This password is one of the most common, which are guessed first.", "Возьмите другой: например, четыре случайных слова.", "Take another: four random words, for example."),
    Code.PASSWORD_NOT_USED: Words(403, "В вашей организации входят только через провайдера, без пароля.", "Your organization signs in by its provider alone, without passwords.", "Войдите через провайдера; учётную запись привязывают одноразовым паролем от администратора.", "Sign in by the provider; an account is linked by a one-time password from an administrator."),
    Code.PASSWORD_OWN: Words(422, "Пароль составлен из логина, имени, адреса почты или кода организации.", "The password is made of the login, the name, the e-mail address or the organization's id.", "Возьмите другой: например, четыре случайных слова.", "Take another: four random words, for example."),
    Code.PASSWORD_WRONG: Words(422, "Прежний пароль неверен или новый не отличается от него.", "The old password is wrong, or the new one is the same.", "Введите прежний пароль и новый, другой.", "Give the old password and a different new one."),
    Code.PBX_KIND_FIXED: Words(409, "Вид АТС «{pbx}» менять нельзя: на ней уже есть люди или номера.", "The kind of PBX «{pbx}» can't change: it has people or extensions already.", "Заведите другую АТС.", "Make another PBX."),
    Code.PBX_KIND_WRONG: Words(422, "«{pbx}» — АТС другого вида.", "«{pbx}» is a PBX of the other kind.", "Сотрудники и отделы живут на облачной АТС, внутренние номера без карточек — на офисной.", "Employees and departments live on a cloud PBX, bare extensions on an office PBX."),
    Code.PBX_NOT_ASSIGNED: Words(422, "АТС «{pbx}» не закреплена за вашей организацией.", "PBX «{pbx}» does not belong to your organization.", "Проверьте код АТС или попросите того, кто обслуживает эту установку, закрепить её: ringback operator assign {organization} --pbx {pbx}.", "Check the PBX's id, or ask whoever runs this installation to assign it: ringback operator assign {organization} --pbx {pbx}."),
    Code.PHONE_LINK_UNKNOWN: Words(404, "По этой ссылке пароль не показать: она уже использована, ей больше трёх дней или пароль с тех пор заменён.", "This link shows no password: it was used already, it is older than three days, or the password was replaced since.", "Попросите администратора назвать или заменить пароль телефона. Если ссылку открывали не вы, пароль нужно заменить.", "Ask an administrator to tell or replace the phone password. If it was not you who used the link, have the password replaced."),
    Code.PLACEHOLDER_BROKEN: Words(422, "Фигурная скобка не относится ни к одной подстановке.", "A brace belongs to no placeholder.", "Закройте её, как в {{position}}, или уберите.", "Close it, as in {{position}}, or remove it."),
    Code.PLACEHOLDER_EMPTY: Words(422, "Для подстановки {name} здесь нет значения.", "The placeholder {name} has no value here.", "Свяжите уведомление с отделом или сотрудником или уберите подстановку.", "Bind the notice to a department or an employee, or leave it out."),
    Code.PLACEHOLDER_UNKNOWN: Words(422, "Подстановка {name} неизвестна.{guess}", "The placeholder {name} is unknown.{guess}", "Есть такие: {known}.", "There are: {known}."),
    Code.REAUTHENTICATION_NEEDED: Words(403, "Вы вошли больше десяти минут назад, а это меняет, как вы входите.", "You logged in more than ten minutes ago, and this changes how you log in.", "Введите пароль (и код) ещё раз: POST /me/reauthentication, или войдите заново, и повторите.", "Give the password (and the code) once more, POST /me/reauthentication, or log in anew, and repeat."),
    Code.REAUTHENTICATION_REFUSED: Words(422, "Пароль или код неверен, или код уже использован.", "The password or the code is wrong, or the code was used already.", "Введите пароль и, если у вас есть второй фактор, новый код.", "Give the password and, if you have a second factor, a new code."),
    Code.RECIPIENT_INCOMPLETE: Words(422, "Получатель — или сотрудник, или имя с адресом.", "A recipient is an employee, or a name with an address.", "Укажите agent_id или name вместе с email.", "Give agent_id, or name and email."),
    Code.RECIPIENT_WITHOUT_EMAIL: Words(422, "{agent} должен получать письма, а адреса у него нет.", "{agent} is to get letters and has no e-mail address.", "Заполните адрес в карточке или выберите другого.", "Fill it in on the card, or choose somebody else."),
    Code.RECOVERY_LIMITED: Words(429, "В этой организации восстанавливали слишком много паролей сразу.", "Too many passwords of this organization were being recovered at once.", "Подождите {seconds} с или попросите администратора о новом пароле.", "Wait {seconds} s, or ask an administrator for a new password."),
    Code.REFERENCE_UNKNOWN: Words(422, "Нет записи «{id}», на которую ссылается поле.{guess}", "There is no «{id}», which the field refers to.{guess}", "Есть: {hint}.", "There are: {hint}."),
    Code.SATELLITE_TIME_SHORT: Words(200, "Спутниковому номеру остаётся звонить {seconds} с, а меньше 25 с — слишком мало.", "The satellite phone has {seconds} s to ring, and less than 25 s is too little.", "Увеличьте время ожидания.", "Give it more time."),
    Code.SEAT_TWICE: Words(422, "{agent} уже в этом отделе.", "{agent} is in this department already.", "Оставьте одно место.", "Keep one seat."),
    Code.SECOND_FACTOR_ABSENT: Words(409, "Второй фактор не настроен.", "No second factor is set up.", "Настройте его: POST /me/second-factor.", "Set one up: POST /me/second-factor."),
    Code.SECOND_FACTOR_NEEDED: Words(403, "Сначала введите код второго фактора.", "Give the code of the second factor first.", "Введите код: POST /sessions/second-factor.", "Give the code: POST /sessions/second-factor."),
    Code.SECOND_FACTOR_REFUSED: Words(422, "Код неверен или уже использован.", "The code is wrong, or was used already.", "Дождитесь нового кода, проверьте часы телефона или введите код восстановления. Если нет ни того, ни другого, администратор сбросит второй фактор.", "Wait for the next code, look at the phone's clock, or give a recovery code. Without either, an administrator resets the second factor."),
    Code.SECOND_FACTOR_REQUIRED: Words(409, "Ваша организация требует второй фактор.", "Your organization requires a second factor.", "Его можно заменить: POST /me/second-factor.", "It can be replaced: POST /me/second-factor."),
    Code.SECOND_FACTOR_SETUP_NEEDED: Words(403, "Ваша организация требует второй фактор, а у вас его нет.", "Your organization requires a second factor, and you have none.", "Войдите с паролем (POST /sessions) и настройте его: POST /me/second-factor.", "Log in with the password (POST /sessions) and set one up: POST /me/second-factor."),
    Code.SERVICE_STARTING: Words(503, "Служба ещё запускается.", "The service is still starting.", "Повторите через несколько секунд.", "Try again in a few seconds."),
    Code.TARGET_ON_OFFICE_PBX: Words(422, "«{target}» — на офисной АТС «{pbx}»: её номера не бывают запасной целью.", "«{target}» is on office PBX «{pbx}», whose extensions can't be a fallback.", "Выберите сотрудника или отдел облачной АТС.", "Choose an employee or a department of a cloud PBX."),
    Code.TEXTS_OFF: Words(503, "Отправка кодов на мобильный не настроена.", "Codes to mobiles are not set up.", "Пусть администратор назначит новый пароль или укажет RINGBACK_TEXTS_URL.", "Ask an administrator for a new password, or to set RINGBACK_TEXTS_URL."),
    Code.TOKEN_END_PAST: Words(422, "Срок действия ключа уже прошёл.", "The token's end is past.", "Укажите время в будущем или не указывайте срок.", "Choose an instant in the future, or none."),
    Code.TOKEN_KIND_ENDED: Words(401, "Ключ сделан прежней версией; такие ключи действовали по {until} включительно.", "An earlier version made this token; such tokens were valid until {until}.", "Попросите администратора выпустить его заново: POST /tokens/ID/reissue.", "Ask an administrator to make it anew: POST /tokens/ID/reissue."),
    Code.TOKEN_NOT_LIMITABLE: Words(422, "Право «{action}» касается всей организации, его нельзя ограничить отделами.", "The right «{action}» concerns the whole organization and can't be limited to departments.", "Уберите это право или отделы.", "Leave out this right, or the departments."),
    Code.TOKEN_REFUSED: Words(401, "Нет действующего ключа доступа.", "There is no valid token.", "Войдите: POST /sessions, или обновите ключ.", "Log in: POST /sessions, or renew the token."),
    Code.TOO_LARGE: Words(422, "Запись {card} слишком велика: {size} КиБ, а службы принимают не больше {limit} КиБ. Ничего не сохранено.", "{card} is too large: {size} KiB, and the services take {limit} KiB at most. Nothing was saved.", "Уменьшите её: меньше интервалов рабочего времени, номеров, получателей или элементов; или разделите на две.", "Make it smaller, with fewer working hours, numbers, recipients or elements, or split it in two."),
    Code.TOO_MANY: Words(409, "Больше {limit} не бывает.", "There can be no more than {limit}.", "Удалите лишнее.", "Remove what is not needed."),
    Code.TOO_MANY_REQUESTS: Words(429, "Лимит вашей организации исчерпан ({what}): {limit}.", "Your organization has used up its quota of {what}: {limit}.", "Повторите через {seconds} с.", "Try again in {seconds} s."),
    Code.TOO_MANY_TRIES: Words(429, "Слишком много попыток.", "Too many tries.", "Подождите {seconds} с.", "Wait {seconds} s."),
    Code.UPLOAD_UNCHECKED: Words(503, "Сейчас файл нельзя проверить.", "The file can't be checked now.", "Ничего не сохранено. Повторите позже.", "Nothing was saved. Try again later."),
    Code.UPLOAD_NOT_AUDIO: Words(422, "Это не звуковой файл WAV, MP3, OGG/Opus или M4A, как бы он ни назывался.", "The file is not audio in WAV, MP3, OGG/Opus or M4A, whatever its name says.", "Сохраните запись в одном из этих форматов.", "Save the recording in one of these formats."),
    Code.UPLOAD_BROKEN: Words(422, "Файл повреждён: из него нельзя прочитать звук.", "The file is damaged: no sound can be read from it.", "Сохраните запись заново и загрузите её.", "Save the recording anew and upload it."),
    Code.UPLOAD_TOO_LONG: Words(422, "Запись длиннее пяти минут.", "The recording is longer than five minutes.", "Сократите её.", "Shorten it."),
    Code.UPLOAD_SILENT: Words(422, "В файле только тишина.", "There is only silence in the file.", "Проверьте запись и загрузите её снова.", "Check the recording and upload it again."),
    Code.UPLOAD_UNKNOWN: Words(422, "Среди файлов, загруженных вашей организацией, такого нет.", "None of the files that your organization has uploaded has this key.", "Загрузите файл (POST /uploads) и возьмите ключ из ответа.", "Upload the file (POST /uploads), and take the key from the answer."),
    Code.UPLOAD_UNAVAILABLE: Words(503, "Хранилище файлов сейчас не отвечает.", "The store of files does not answer now.", "Ничего не сохранено. Повторите позже.", "Nothing was saved. Try again later."),
    Code.ZONE_UNKNOWN: Words(422, "Нет часового пояса «{zone}».{guess}", "There is no time zone «{zone}».{guess}", "Укажите место: Europe/Moscow, Asia/Omsk.", "Give its place: Europe/Moscow, Asia/Omsk."),
}
# fmt: on
REFUSALS: Final[dict[Refusal, Text]] = {
    Refusal.WITHHELD: Text(ru="номера нет", en="there is none"),
    Refusal.INVALID: Text(ru="такого номера не бывает", en="there can be no such number"),
    Refusal.REGION: Text(ru="эта страна не разрешена", en="its country is not allowed"),
    Refusal.PREMIUM: Text(ru="звонки на него платные", en="calls to it cost extra"),
    Refusal.SATELLITE: Text(ru="спутниковые номера не разрешены", en="satellite numbers are not allowed"),
    Refusal.NOT_ORDINARY: Text(ru="это не обычный номер", en="it is no ordinary number"),
    Refusal.EMERGENCY: Text(ru="это экстренная служба", en="it is an emergency number"),
    Refusal.OWN_NUMBER: Text(ru="это номер вашей же АТС", en="it is a number of your own PBX"),
    Refusal.DENIED: Text(ru="он в списке запрещённых", en="it is on the deny list"),
}
"""Why a number may not be dialled; the other refusals concern orders, never cards."""
GUESS: Final = Text(ru=" Возможно, имелось в виду «{meant}»?", en=" Did you mean «{meant}»?")
"""Appended to a cause whose problem has a value `meant`."""


def status(problem: Problem) -> int:
    """The HTTP status of a problem."""
    return WORDS[problem.code].status


def shown(problem: Problem, *more: Problem) -> ErrorShown:
    """A problem in words; `more` are the others found with it."""
    words = WORDS[problem.code]
    return ErrorShown(
        code=problem.code,
        cause=_filled(words.cause_ru, words.cause_en, problem),
        remedy=_filled(words.remedy_ru, words.remedy_en, problem),
        field=problem.field,
        more=tuple(shown(each) for each in more),
    )


def _filled(ru: str, en: str, problem: Problem) -> Text:
    return Text(
        ru=ru.format(**_values(problem, lambda text: text.ru)),
        en=en.format(**_values(problem, lambda text: text.en)),
    )


def _values(problem: Problem, choose: Callable[[Text], str]) -> dict[str, str]:
    values = {**problem.values, "guess": ""}
    values |= {name: choose(text) for name, text in problem.texts.items()}
    if meant := problem.values.get("meant"):
        values["guess"] = choose(GUESS).format(meant=meant)
    if problem.code is Code.NUMBER_REFUSED:
        values["reason"] = choose(REFUSALS[Refusal(problem.values["reason"])])
    return values
