"""The sentences of letters about voice messages and callbacks, in Russian and English.

`letter_composer` chooses the sentences that suit a letter's subject.
"""

from typing import Final

import msgspec

from contracts.dialling import Refusal
from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.voicemail import Mark


class LetterTexts(msgspec.Struct, frozen=True, kw_only=True):
    """Every sentence of a letter; the composer fills `{}` in."""

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


RUSSIAN: Final = LetterTexts(
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

ENGLISH: Final = LetterTexts(
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

TEXTS: Final[dict[Language, LetterTexts]] = {Language.RUSSIAN: RUSSIAN, Language.ENGLISH: ENGLISH}


def in_department(name: str, texts: LetterTexts) -> str:
    """«отдел «Продажи»», or «отдел продаж» if the name itself begins with the word."""
    first, _, rest = name.partition(" ")
    if rest and texts.in_department.lower().startswith(f"{first.lower()} "):
        return f"{first.lower()} {rest}"
    return texts.in_department.format(department=name)
