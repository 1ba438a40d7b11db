"""Why an offer, a callback or an attempt ended as it did: the log's codes in Russian and English."""

from collections.abc import Mapping
from typing import Final

from contracts.dialling import Refusal
from contracts.gateway import Outcome

Both = tuple[str, str]
"""Russian, English."""

CAUSES: Final[Mapping[str, Both]] = {
    # How a leg ended.
    Outcome.COMPLETED: ("трубку положили", "they hung up"),
    Outcome.BUSY: ("занято", "busy"),
    Outcome.DECLINED: ("звонок отклонили", "declined"),
    Outcome.NO_ANSWER: ("никто не ответил", "no answer"),
    Outcome.UNAVAILABLE: ("телефон недоступен", "the phone is not available"),
    Outcome.BAD_NUMBER: ("такого номера нет", "there is no such number"),
    Outcome.NO_CODEC: ("телефон не понимает АТС", "phone and PBX have no codec in common"),
    Outcome.UNREACHABLE: ("до телефона не дозвониться", "the phone can't be reached"),
    Outcome.CANCELLED: ("отменён", "cancelled"),
    Outcome.ABANDONED: ("звонивший положил трубку", "the caller hung up"),
    Outcome.FAILED: ("сбой связи", "the call failed"),
    # Why a number is not dialled, or an order is not accepted.
    Refusal.WITHHELD: ("номер скрыт", "the number is withheld"),
    Refusal.INVALID: ("такого номера не бывает", "there can be no such number"),
    Refusal.REGION: ("эта страна не разрешена", "the country is not allowed"),
    Refusal.PREMIUM: ("платный номер", "a premium number"),
    Refusal.SATELLITE: ("спутниковый номер", "a satellite number"),
    Refusal.NOT_ORDINARY: ("не обычный номер", "no ordinary number"),
    Refusal.EMERGENCY: ("экстренная служба", "an emergency number"),
    Refusal.OWN_NUMBER: ("номер самой компании", "a number of the company itself"),
    Refusal.DENIED: ("номер в списке запрещённых", "the number is on the deny list"),
    Refusal.SWITCHED_OFF: ("исходящие звонки выключены", "dialling is switched off"),
    Refusal.TOO_MANY_FOR_NUMBER: ("слишком много заказов с этого номера", "too many orders for the number"),
    Refusal.TOO_MANY_FOR_DEPARTMENT: ("слишком много заказов в отдел", "too many orders in the department"),
    Refusal.TOO_MANY_FOR_ORGANIZATION: ("слишком много заказов в компании", "too many orders in the company"),
    Refusal.TOO_MANY_TODAY: ("заказов на сегодня больше нет", "the company's orders of the day are used up"),
    Refusal.MINUTES_USED_UP: (
        "минуты разговоров на сегодня кончились",
        "the company's minutes of the day are used up",
    ),
    Refusal.NO_TIME_LEFT: ("перезвонить уже не успеть", "no time is left"),
    Refusal.CALLBACKS_OFF: ("обратный звонок выключен", "callbacks are switched off"),
    # Why an offer was withdrawn, or reached nobody.
    "taken_by_another": ("ответил другой", "another agent took it"),
    "caller_gone": ("клиент положил трубку", "the customer has gone"),
    "quiet_hours": ("тихие часы", "quiet hours"),
    "customer_engaged": ("клиент говорит с другим отделом", "the customer talks to another department"),
    "taken_over": ("клиент занял своё прежнее место", "the customer took the earlier place"),
    "removed": ("удалён из отдела", "removed from the department"),
    "suspended": ("временно исключён из отдела", "suspended in the department"),
    "not_allowed_to_dial": ("на этот номер звонить нельзя", "policy does not allow the number"),
    "pbx_lost": ("нет связи с АТС", "the PBX can't be reached"),
    "too_late": ("наша команда опоздала", "our command came too late"),
    "no_sign_of_life": ("телефон не отозвался", "the phone gave no sign"),
    # Why a callback and its place ended.
    "by_agent": ("отменил сотрудник", "by an agent"),
    "by_api": ("отменила программа", "by a program"),
    "by_customer": ("отменил клиент", "by the customer"),
    "ordered_again": ("клиент заказал его снова", "the customer ordered it again"),
    "ordered_before": ("он уже был заказан", "it had been ordered before"),
    "by_other_call": ("поговорили другим звонком", "they talked by another call"),
    "joined": ("клиент дозвонился сам", "the customer called in"),
    "called_again": ("клиент позвонил сам", "the customer called again"),
    "talked_on_ordering_leg": ("клиента соединили сразу", "the customer was connected on that call"),
    "diverted": ("вызов ушёл из очереди", "the call left the queue"),
    "agent_lost": ("сотрудник положил трубку", "the agent had gone"),
    "deadline_passed": ("срок вышел", "the deadline had passed"),
    "connected": ("соединили", "connected"),
    "expired": ("никто не успел", "expired"),
    "unreached": ("не дозвонились", "unreached"),
    "barred": ("в нём отказано", "refused"),
    "confirmed": ("на этот номер он уже был заказан", "the number had one already"),
}


def cause(code: str) -> Both:
    """A code in words; an unknown code of a later version stays as it is."""
    known = code.replace("_", " ")
    return CAUSES.get(code, (known, known))
