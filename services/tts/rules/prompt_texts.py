"""The texts of the standard prompts in Russian and English, and the order in which they are made (T1).

Russian numbers agree in gender and case: «двадцать одна минута», but «ждёт двадцать одну минуту».
"""

from typing import Final

from num2words import num2words

from contracts.directory import Language
from contracts.prompts import POSITION_MAX, PROMPTS, WAIT_MINUTES_MAX, Prompt
from services.tts.rules.russian import MINUTE, Case, Gender, cardinal, counted, ordinal

RUSSIAN: Final[dict[Prompt, str]] = {
    Prompt.QUEUE_WELCOME: "Здравствуйте! Спасибо за звонок. Пожалуйста, оставайтесь на линии: "
    "вам ответит первый освободившийся сотрудник.",
    Prompt.WAIT_UNKNOWN: "К сожалению, сейчас мы не можем сказать, сколько придётся ждать.",
    Prompt.WAIT_OVER_AN_HOUR: "Примерное время ожидания — больше часа.",
    Prompt.POSITION_OVER_MAX: "Перед вами в очереди не меньше тридцати человек.",
    Prompt.INVITATION: "Не хотите ждать на линии? Нажмите один, и мы вам перезвоним. "
    "Ваше место в очереди сохранится.",
    Prompt.CALLBACK_EXISTS: "Для вашего номера уже заказан обратный звонок. "
    "Чтобы занять своё место на этой линии, нажмите один.",
    Prompt.ORDER_TAKEN: "Мы вам перезвоним, ваше место в очереди сохранено. Всего доброго!",
    Prompt.ORDER_TAKEN_NUMBER: "Обратный звонок заказан. Чтобы указать другой номер, нажмите два. "
    "Чтобы отменить заказ, нажмите ноль. Ваш номер:",
    Prompt.TYPE_NUMBER: "Пожалуйста, наберите номер телефона, на который вам перезвонить, и нажмите решётку.",
    Prompt.CONFIRM_NUMBER: "Если номер верный, нажмите один. Чтобы набрать его заново, нажмите два.",
    Prompt.REFUSED_INVALID: "К сожалению, этот номер неполный или неверный.",
    Prompt.REFUSED_NOT_ALLOWED: "К сожалению, на этот номер мы не можем перезвонить.",
    Prompt.REFUSED_TOO_MANY: "К сожалению, сейчас мы не можем принять ещё один заказ обратного звонка. "
    "Пожалуйста, оставайтесь на линии.",
    Prompt.REFUSED_OFF: "К сожалению, обратный звонок сейчас недоступен. Пожалуйста, оставайтесь на линии.",
    Prompt.REFUSED_NO_TIME: "К сожалению, перезвонить мы уже не успеем. Пожалуйста, оставайтесь на линии.",
    Prompt.APOLOGY: "Здравствуйте! Вы просили вам перезвонить. К сожалению, все наши сотрудники были заняты, "
    "и мы не смогли соединить вас вовремя. Приносим свои извинения.",
    Prompt.APOLOGY_FROM: "Здравствуйте! Вам звонит",
    Prompt.APOLOGY_AFTER_NAME: "Вы просили вам перезвонить. К сожалению, все наши сотрудники были заняты, "
    "и мы не смогли соединить вас вовремя. Приносим свои извинения.",
    Prompt.APOLOGY_PRESS_ONE: "Чтобы оставить голосовое сообщение, нажмите один.",
    Prompt.NOBODY_AVAILABLE: "К сожалению, сейчас никто из сотрудников не может вам ответить.",
    Prompt.CLOSED_HOURS: "Вы позвонили в нерабочее время.",
    Prompt.VOICEMAIL_GREETING: "Пожалуйста, оставьте сообщение после сигнала. "
    "Когда закончите, нажмите решётку или положите трубку.",
    Prompt.VOICEMAIL_THANKS: "Спасибо, ваше сообщение записано. Всего доброго!",
    Prompt.EMPLOYEE_ABSENT: "Сотрудник, которому вы звоните, сейчас отсутствует.",
    Prompt.EMPLOYEE_CANNOT_ANSWER: "Сотрудник, которому вы звоните, сейчас не может ответить.",
    Prompt.FORWARD: "К сожалению, сотрудник сейчас не может ответить. "
    "Пожалуйста, оставайтесь на линии: вам ответит другой специалист.",
    Prompt.ONE_MOMENT: "Одну минуту, пожалуйста. Мы соединяем вас с сотрудником.",
    Prompt.CALLER_GONE: "Отбой.",
    Prompt.CUSTOMER_BUSY: "Номер занят.",
    Prompt.CUSTOMER_NO_ANSWER: "Клиент не отвечает.",
    Prompt.CUSTOMER_DECLINED: "Звонок сброшен.",
    Prompt.CUSTOMER_UNAVAILABLE: "Телефон недоступен.",
    Prompt.CUSTOMER_BAD_NUMBER: "Такого номера нет.",
    Prompt.CUSTOMER_UNREACHED: "Дозвониться не удалось.",
    Prompt.CALLBACK_CANCELLED: "Звонок отменён.",
    Prompt.CALL_RECORDED: "Разговор будет записан.",
    Prompt.CONFIRM_CUSTOMER: "Это обратный звонок. Чтобы мы соединили вас с сотрудником, нажмите один.",
    Prompt.WHISPER_CALLBACK: "Обратный звонок.",
    Prompt.WHISPER_CALL: "Звонок из очереди.",
    Prompt.WHISPER_TALKED_BEFORE: "С этим клиентом уже поговорили в другом отделе.",
    Prompt.WHISPER_NUMBER_WITHHELD: "Номер скрыт.",
    Prompt.WHISPER_PRESS_KEY: "Чтобы принять звонок, нажмите один.",
    Prompt.PLUS: "плюс",
    Prompt.RINGING_TONE: "",
}

ENGLISH: Final[dict[Prompt, str]] = {
    Prompt.QUEUE_WELCOME: "Hello, and thank you for calling. Please stay on the line: "
    "the next free agent will answer your call.",
    Prompt.WAIT_UNKNOWN: "We are sorry, we cannot say at the moment how long you will have to wait.",
    Prompt.WAIT_OVER_AN_HOUR: "The estimated waiting time is more than an hour.",
    Prompt.POSITION_OVER_MAX: "There are at least thirty people ahead of you in the queue.",
    Prompt.INVITATION: "You don't have to wait on the line. Press one, and we will call you back. "
    "You will keep your place in the queue.",
    Prompt.CALLBACK_EXISTS: "A callback to your number has already been ordered. "
    "To take your place on this line, press one.",
    Prompt.ORDER_TAKEN: "We will call you back, and your place in the queue is kept. Goodbye.",
    Prompt.ORDER_TAKEN_NUMBER: "Your callback has been ordered. To give another number, press two. "
    "To cancel the order, press zero. Your number is:",
    Prompt.TYPE_NUMBER: "Please enter the phone number that we should call you back on, and press hash.",
    Prompt.CONFIRM_NUMBER: "If the number is correct, press one. To enter it again, press two.",
    Prompt.REFUSED_INVALID: "We are sorry, this number is incomplete or wrong.",
    Prompt.REFUSED_NOT_ALLOWED: "We are sorry, we cannot call this number.",
    Prompt.REFUSED_TOO_MANY: "We are sorry, we cannot take another callback order at the moment. "
    "Please stay on the line.",
    Prompt.REFUSED_OFF: "We are sorry, callbacks are not available at the moment. Please stay on the line.",
    Prompt.REFUSED_NO_TIME: "We are sorry, there is no time left to call you back. Please stay on the line.",
    Prompt.APOLOGY: "Hello. You asked us to call you back. We are sorry: all our staff were busy, "
    "and we were not able to connect you in time. Please accept our apologies.",
    Prompt.APOLOGY_FROM: "Hello. This is a call from",
    Prompt.APOLOGY_AFTER_NAME: "You asked us to call you back. We are sorry: all our staff were busy, "
    "and we were not able to connect you in time. Please accept our apologies.",
    Prompt.APOLOGY_PRESS_ONE: "To leave a voice message, press one.",
    Prompt.NOBODY_AVAILABLE: "We are sorry, nobody is able to take your call at the moment.",
    Prompt.CLOSED_HOURS: "You are calling outside our working hours.",
    Prompt.VOICEMAIL_GREETING: "Please leave a message after the tone. "
    "When you have finished, press hash or hang up.",
    Prompt.VOICEMAIL_THANKS: "Thank you, your message has been recorded. Goodbye.",
    Prompt.EMPLOYEE_ABSENT: "The person you are calling is away at the moment.",
    Prompt.EMPLOYEE_CANNOT_ANSWER: "The person you are calling cannot answer at the moment.",
    Prompt.FORWARD: "We are sorry, the person you are calling cannot answer at the moment. "
    "Please stay on the line: another specialist will take your call.",
    Prompt.ONE_MOMENT: "One moment, please. We are connecting you.",
    Prompt.CALLER_GONE: "Hung up.",
    Prompt.CUSTOMER_BUSY: "The line is busy.",
    Prompt.CUSTOMER_NO_ANSWER: "No answer.",
    Prompt.CUSTOMER_DECLINED: "Call declined.",
    Prompt.CUSTOMER_UNAVAILABLE: "Phone unavailable.",
    Prompt.CUSTOMER_BAD_NUMBER: "Wrong number.",
    Prompt.CUSTOMER_UNREACHED: "Customer not reached.",
    Prompt.CALLBACK_CANCELLED: "Callback cancelled.",
    Prompt.CALL_RECORDED: "This call will be recorded.",
    Prompt.CONFIRM_CUSTOMER: "You are being called back. To be connected to our agent, press one.",
    Prompt.WHISPER_CALLBACK: "Callback.",
    Prompt.WHISPER_CALL: "Call from the queue.",
    Prompt.WHISPER_TALKED_BEFORE: "Another department has already talked to this customer.",
    Prompt.WHISPER_NUMBER_WITHHELD: "The number is withheld.",
    Prompt.WHISPER_PRESS_KEY: "To take the call, press one.",
    Prompt.PLUS: "plus",
    Prompt.RINGING_TONE: "",
}

_FIRST: Final = (
    Prompt.QUEUE_WELCOME,
    Prompt.WAIT_UNKNOWN,
    Prompt.VOICEMAIL_GREETING,
    Prompt.NOBODY_AVAILABLE,
    Prompt.INVITATION,
)
"""Prompts that the first caller of a new installation may hear within half a minute."""


def in_order_of_use() -> tuple[str, ...]:
    """Every prompt, in the order in which calls need them: sentences, low positions, numbers, the rest.

    The pieces of phone numbers come before high positions: the first callback order reads a number back.
    """
    small = (*(f"position_{n}" for n in range(1, 6)), *(f"wait_{n}" for n in range(1, 11)))
    sentences = (prompt.value for prompt in Prompt if prompt not in _FIRST)
    waited = (f"waited_{n}" for n in range(1, 11))
    kinds = ("digit_", "hundred_", "pair_")
    numbers = (prompt for kind in kinds for prompt in PROMPTS if prompt.startswith(kind))
    first = (*_FIRST, *small, *sentences, *waited, *numbers)
    known = frozenset(first)
    return (*first, *(prompt for prompt in PROMPTS if prompt not in known))


def text(language: Language, prompt: str) -> str:
    """A prompt's text; empty for the ringing tone, a sound. Raises KeyError for an unknown prompt."""
    if prompt in Prompt.__members__.values():
        named = RUSSIAN if language is Language.RUSSIAN else ENGLISH
        return named[Prompt(prompt)]
    kind, _, number = prompt.rpartition("_")
    return (_russian if language is Language.RUSSIAN else _english)(kind, number)


def _russian(kind: str, number: str) -> str:
    n = int(number)
    match kind:
        case "position":
            return f"Ваше место в очереди — {ordinal(number, Case.NOMINATIVE, Gender.NEUTER)}."
        case "wait":
            return f"Примерное время ожидания — {counted(n, MINUTE)}."
        case "waited" if n == WAIT_MINUTES_MAX:
            return "Клиент ждёт около часа или дольше."
        case "waited":
            return f"Клиент ждёт {counted(n, MINUTE, Case.ACCUSATIVE)}."
        case "hundred":
            return cardinal(n * 100)
        case "pair" if number.startswith("0"):
            return f"ноль {cardinal(n)}"
        case "pair" | "digit":
            return cardinal(n)
        case _:
            raise KeyError(f"{kind}_{number}")


def _english(kind: str, number: str) -> str:
    n = int(number)
    minutes = f"{num2words(n)} {'minute' if n == 1 else 'minutes'}"
    match kind:
        case "position":
            return f"You are number {num2words(n)} in the queue."
        case "wait":
            return f"The estimated waiting time is {minutes}."
        case "waited" if n == WAIT_MINUTES_MAX:
            return "The caller has been waiting for about an hour or longer."
        case "waited":
            return f"The caller has been waiting for {minutes}."
        case "hundred":
            return f"{num2words(n)} hundred"
        case "pair" if number.startswith("0"):
            return f"zero {num2words(n)}"
        case "pair" | "digit":
            return str(num2words(n))
        case _:
            raise KeyError(f"{kind}_{number}")


assert POSITION_MAX == 30, "POSITION_OVER_MAX speaks of thirty"
assert WAIT_MINUTES_MAX == 60, "WAIT_OVER_AN_HOUR speaks of an hour"
