"""The words of a place's story, in Russian and English: reasons, conditions of the place, what happened."""

from collections.abc import Callable, Mapping
from typing import Final

from contracts import callback as c
from contracts import queue as q
from contracts.directory import ActionKind, Language
from contracts.gateway import LegEnded
from contracts.message import Message
from contracts.queue import DivertReason, SkipReason
from ringback.why.conditions import Here, Standing

Both = tuple[str, str]
"""Russian, English."""

REASONS: Final[Mapping[SkipReason | Here, Both]] = {
    SkipReason.SUSPENDED: ("временно исключён из отдела", "suspended in the department"),
    SkipReason.OUT_OF_HOURS: ("не в рабочее время", "out of working hours"),
    SkipReason.ABSENT: ("отсутствует", "absent"),
    SkipReason.PAUSED: ("на паузе", "paused"),
    SkipReason.UNREACHABLE: ("телефон недоступен", "no phone can be reached"),
    SkipReason.PBX_AWAY: ("нет связи с АТС сотрудника", "the agent's PBX can't be reached"),
    SkipReason.ON_CALL: ("разговаривает", "on a call"),
    SkipReason.HOLDS_OFFER: ("ему звонят по другому вызову", "is rung for another place"),
    SkipReason.WRAP_UP: ("обрабатывает прошлый вызов", "wraps up the call before"),
    SkipReason.DECLINED_THIS_PLACE: ("этот вызов отклонён", "declined this place"),
    SkipReason.TRIED_THIS_ROUND: ("в этом круге ответа не было", "did not take it in this round"),
    SkipReason.NOT_THEIR_TURN: ("ждёт своей очереди", "free, not this one's turn"),
    SkipReason.NOT_ALLOWED_TO_DIAL: ("на этот номер звонить нельзя", "policy does not allow the number"),
    SkipReason.TOO_LATE: ("пауза: наши команды опаздывают", "a pause: our commands come too late"),
    SkipReason.EARLIER_PLACE: ("занимается более ранним местом", "has an earlier place"),
    Here.RINGS: ("звонит телефон", "is rung"),
    Here.WITH_THIS: ("на этом вызове", "has taken this place"),
    Here.FREE: ("может принять вызов", "free"),
    Here.GONE: ("больше не в отделе", "no longer in the department"),
}

STANDINGS: Final[Mapping[Standing, Both]] = {
    Standing.WAITING: ("ждёт сотрудника", "waits for an agent"),
    Standing.ORDERING: ("заказ обратного звонка не закончен", "the order of a callback is not finished"),
    Standing.BETWEEN_ATTEMPTS: ("пауза между попытками", "the gap between two attempts"),
    Standing.LATE: (
        "срок вышел: новым сотрудникам не предлагается",
        "the deadline has come: it is offered to nobody new",
    ),
    Standing.PBX_LOST: ("нет связи с АТС, на которой клиент", "the customer's PBX can't be reached"),
    Standing.ACCEPTED: ("сотрудник взял вызов, их соединяют", "an agent has it, they are being connected"),
    Standing.WITH_CALLBACK: (
        "сотрудник на линии, клиенту звонят",
        "an agent is there, the customer is called",
    ),
    Standing.EXPIRED: ("никто не успел: решает обратный звонок", "nobody came in time: callback decides"),
    Standing.NO_ANSWER: ("звучит сообщение перед действием", "the notice before the action plays"),
    Standing.FALLBACK: ("звонит запасной сотрудник", "the fallback employee is rung"),
}

ACTIONS: Final[Mapping[ActionKind, Both]] = {
    ActionKind.FALLBACK_EMPLOYEE: ("запасной сотрудник", "the fallback employee"),
    ActionKind.OTHER_DEPARTMENT: ("переадресация в другой отдел", "passed to another department"),
    ActionKind.VOICEMAIL: ("автоответчик", "voicemail"),
    ActionKind.HANG_UP: ("вызов сброшен", "hung up"),
}

DIVERTS: Final[Mapping[DivertReason, Both]] = {
    DivertReason.DEADLINE: ("никто не ответил в срок", "nobody answered in time"),
    DivertReason.NOBODY_CAN_COME: ("никто из сотрудников не может подойти", "nobody can come"),
    DivertReason.QUEUE_FULL: ("в очереди слишком много ожидающих", "too many wait"),
    DivertReason.FALLBACK_UNANSWERED: (
        "запасной сотрудник не ответил",
        "the fallback employee did not answer",
    ),
}

HEARD: Final[Mapping[q.AnnouncementKind, Both]] = {
    q.AnnouncementKind.WELCOME: ("слышит приветствие", "hears the welcome"),
    q.AnnouncementKind.POSITION: ("слышит своё место", "is told the position"),
    q.AnnouncementKind.INVITATION: (
        "слышит: «нажмите 1, и мы перезвоним»",
        "hears «press 1 and we call you back»",
    ),
    q.AnnouncementKind.NO_ANSWER: ("слышит, что никто не ответил", "hears that nobody answered"),
    q.AnnouncementKind.CALLBACK_EXISTS: (
        "слышит, что обратный звонок уже заказан",
        "hears that there is a callback already",
    ),
}

EVENTS: Final[Mapping[type[Message], Both]] = {
    q.PlaceTaken: ("место занято, срок {deadline}", "takes a place, deadline {deadline}"),
    q.CallbackRequested: ("нажимает 1: обратный звонок", "presses 1: a callback"),
    q.CallbackTakenOver: (
        "клиент снова на линии, на этом же месте",
        "the customer is on the line again, in this place",
    ),
    q.CallbackJoined: (
        "клиент позвонил сам и нажал 1, сотрудник уже на линии",
        "the customer has called in and presses 1 while an agent is with the callback",
    ),
    q.CustomerOnLine: (
        "клиент сейчас на линии, ему не звоним",
        "the customer is on the line, nobody dials",
    ),
    q.CustomerTalked: (
        "клиент уже поговорил с отделом другим звонком: {agent}",
        "the customer has talked to {agent} by another call",
    ),
    q.ApologyGranted: ("клиент не на линии, можно извиниться", "the apology may be dialled"),
    q.OfferMade: ("предложено: {agent}, круг {round}", "offered to {agent}, round {round}"),
    q.OfferAccepted: ("{agent} отвечает", "{agent} accepts"),
    q.OfferDeclined: ("{agent} отклоняет", "{agent} declines"),
    q.OfferMissed: ("{agent} не отвечает", "{agent} misses it"),
    q.OfferUnreachable: ("{agent}: не дозвонились ({reason})", "{agent} is not reached ({reason})"),
    q.OfferWithdrawn: ("{agent}: предложение отозвано ({reason})", "{agent}: withdrawn ({reason})"),
    q.OfferReopened: ("{agent}: трубка положена до соединения", "{agent} drops before the bridge"),
    q.KeyWanted: ("мобильный ответил, ждём клавишу", "a mobile was answered and must press a key"),
    q.FallbackRung: ("звоним запасному: {agent}", "the fallback {agent} is rung"),
    q.NoAnswerReached: ("{divert}", "{divert}"),
    q.DeadlinePassed: ("срок вышел, сотрудника нет", "the deadline passes without an agent"),
    q.PlaceConnected: ("соединён: {agent}, ожидание {waited}", "connected to {agent} after {waited}"),
    q.PlaceAbandoned: ("клиент положил трубку, ожидание {waited}", "the customer hangs up after {waited}"),
    q.PlaceDiverted: ("{divert}: {action}, ожидание {waited}", "{divert}: {action}, after {waited}"),
    q.PlaceClosed: (
        "место закрыто вместе с обратным звонком: {outcome}",
        "ends with its callback: {outcome}",
    ),
    c.NumberWanted: ("просим набрать номер", "is asked to type a number"),
    c.CallbackOrdered: ("обратный звонок заказан, место то же", "a callback is ordered, the place is kept"),
    c.CallbackConfirmed: ("на этот номер звонок уже заказан", "this number has a callback already"),
    c.CallbackRefused: ("в обратном звонке отказано ({reason})", "no callback ({reason})"),
    c.OrderAbandoned: ("заказ не состоялся", "the order came to nothing"),
    c.NumberChanged: ("заказан другой номер", "another number is ordered"),
    c.AttemptStarted: ("{agent} слышит, кому звоним", "{agent} hears whom we call"),
    c.CustomerDialled: ("звоним клиенту", "the customer is dialled"),
    c.CustomerExpected: ("клиент позвонил сам, ждём клавишу", "the customer has called in and may press 1"),
    c.CustomerJoined: (
        "клиента соединяют по его звонку",
        "the customer is bridged on the call that came in",
    ),
    c.JoinRefused: (
        "сотрудника уже нет, клиент ждёт дальше",
        "the agent has gone, the customer waits on",
    ),
    c.ConfirmationAsked: ("просим нажать клавишу", "is asked to press a key"),
    c.CustomerAnswered: ("клиент отвечает", "the customer answers"),
    c.AttemptFailed: ("до клиента не дозвонились ({outcome})", "the customer is not reached ({outcome})"),
    c.AgentLost: ("{agent}: трубка положена до ответа клиента", "{agent} goes before the customer answers"),
    c.CustomerHeld: (
        "клиент ответил, сотрудник только что ушёл",
        "the customer answers, the agent has just gone",
    ),
    c.ApologyQueued: ("ждём линию для извинения", "an apology waits for a line"),
    c.ApologyDialled: ("звоним, чтобы извиниться", "is called for an apology"),
    c.ApologyMade: ("слышит извинение", "hears the apology"),
    c.ApologyFailed: ("извиниться не удалось ({outcome})", "could not be told ({outcome})"),
    c.MessageWanted: ("нажимает 1, чтобы оставить сообщение", "presses 1 to leave a voice message"),
    c.CallbackConnected: ("соединён: {agent}, ожидание {waited}", "connected to {agent} after {waited}"),
    c.CallbackExpired: ("обратный звонок: никто не успел", "the callback has expired"),
    c.CallbackUnreached: (
        "обратный звонок: до клиента не дозвонились ({reason})",
        "the callback ends unreached ({reason})",
    ),
    c.CallbackCancelled: ("обратный звонок отменён ({reason})", "the callback is cancelled ({reason})"),
    c.CallbackBarred: ("обратный звонок запрещён ({reason})", "the callback is refused ({reason})"),
    LegEnded: ("линия клиента закрыта", "the customer's line is down"),
}
"""Events; a `{field}` is filled from the fact."""

PHRASES: Final[Mapping[str, Both]] = {
    "time": ("время", "time"),
    "waited": ("прошло", "waited"),
    "position": ("место", "position"),
    "what": ("что с местом", "the place"),
    "who": ("сотрудники и почему нет", "agents, and why not"),
    "until": ("до {at}", "until {at}"),
    "own_call": ("свой вызов, не из отдела", "a call of the agent's own"),
    "withheld": ("номер скрыт", "a withheld number"),
    "earlier": ("более раннее место", "an earlier place"),
    "of": ("{who}", "{who}"),
    "spent": ("сколько это длилось", "how long each lasted"),
    "agent": ("сотрудник", "agent"),
    "still": ("место ещё ждёт: журнал кончается здесь", "the place still waits: the log ends here"),
    "title": ("{department}: {who}, место {place}", "{department}: {who}, place {place}"),
    "others": (
        "по этому запросу есть и другие места, показано последнее:",
        "there are other places of this name, the last one is shown:",
    ),
    "passed_on": ("дальше: место {place}", "goes on as the place {place}"),
    "confirmed": ("первое место этого номера: {place}", "the number's first place: {place}"),
    "cut": (
        "начала журнала нет (непонятных без него фактов: {count}): причины могут быть неполны",
        "the log's beginning is missing (facts that need it: {count}): some reasons may be incomplete",
    ),
    "told_position": ("место {position}", "position {position}"),
    "told_wait": (", ждать около {wait}", ", about {wait}"),
    "deadline_in": ("через {left}", "in {left}"),
}


def chooser(language: Language) -> Callable[[Both], str]:
    """A function that picks the words of one language."""
    at = 0 if language is Language.RUSSIAN else 1
    return lambda both: both[at]


def duration(ms: int, language: Language) -> str:
    """A time span in words: seconds up to two minutes, then minutes and seconds."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    hour, minute, second = ("ч", "мин", "с") if language is Language.RUSSIAN else ("h", "min", "s")
    parts = [(hours, hour), (minutes, minute), (seconds, second)]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said) or f"0 {second}"
