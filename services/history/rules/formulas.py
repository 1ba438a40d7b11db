"""The formulas of the figures, in words: each is said wherever its figure is shown (H6)."""

from msgspec import Struct

from services.history.rules.errors import Text


class Formulas(Struct, frozen=True, kw_only=True):
    """The formulas of the figures, in words."""

    offered: Text
    answered: Text
    abandoned: Text
    missed: Text
    open: Text
    wait: Text
    wait_median: Text
    wait_p90: Text
    service_level: Text
    callbacks: Text
    connected: Text
    expired: Text
    unreached: Text
    cancelled: Text
    refused: Text
    standing: Text
    voicemail: Text
    tries: Text
    taken: Text
    share: Text
    answer: Text
    previous: Text


_STEP_RU = "Перцентили округлены вверх: до секунды в пределах минуты, дальше не больше чем на 8 %."
_STEP_EN = "Percentiles are rounded up: to a second within a minute, beyond by 8% at most."


def formulas(*, service_level_s: int, voicemail_s: int) -> Formulas:
    """The formulas with the requested limits."""
    soon, later = f"{service_level_s} с", f"{voicemail_s} с"
    return Formulas(
        offered=Text(
            ru="Места в очереди, занятые за период: отвечено + не дождались + не отвечено + ещё ждут. "
            "Клиент, который продолжил в другом месте, считается один раз.",
            en="Places in the queue taken in the period: answered + gave up + not answered + still waiting. "
            "A customer who went on in another place counts once.",
        ),
        answered=Text(
            ru="Места, которые кончились разговором с сотрудником, обратные звонки в том числе.",
            en="Places that ended with a talk to an agent, callbacks included.",
        ),
        abandoned=Text(
            ru="Места, в которых клиент положил трубку, не дождавшись.",
            en="Places whose customer hung up before anybody answered.",
        ),
        missed=Text(
            ru="Места, которые кончились без ответа и не по воле клиента: поступило − отвечено − "
            "не дождались − ещё ждут.",
            en="Places that ended without an answer, and not by the customer: offered − answered − gave up − "
            "still waiting.",
        ),
        open=Text(ru="Места, которые ещё не кончились.", en="Places that have not ended."),
        wait=Text(
            ru="Среднее и 95-й перцентиль ожидания всех завершившихся мест: от входа в отдел до конца. "
            f"{_STEP_RU}",
            en="Mean and 95th percentile (nearest rank) of the waits of all places that ended: from joining "
            f"the department to the end. {_STEP_EN}",
        ),
        wait_median=Text(
            ru=f"Половина завершившихся мест ждала не дольше: от входа в отдел до конца. {_STEP_RU}",
            en="Half of the places that ended waited no longer: from joining the department to the end. "
            f"{_STEP_EN}",
        ),
        wait_p90=Text(
            ru=f"Девять из десяти завершившихся мест ждали не дольше: от входа в отдел до конца. {_STEP_RU}",
            en="Nine of ten places that ended waited no longer: from joining the department to the end. "
            f"{_STEP_EN}",
        ),
        service_level=Text(
            ru=f"Отвечено за {soon} ÷ (поступило − не дождались за {soon} − ещё ждут) × 100 %.",
            en=f"Answered within {service_level_s} s ÷ (offered − abandoned within {service_level_s} s − "
            "still waiting) × 100 %.",
        ),
        voicemail=Text(
            ru=f"Сообщения, по которым перезвонили за {later}.",
            en=f"Voice messages whose customer was called back within {voicemail_s} s.",
        ),
        **_of_callbacks(),
        **_of_employees(),
        previous=Text(
            ru="Столько же дней непосредственно перед периодом; пока период идёт, столько же времени от их "
            "начала.",
            en="As many days directly before the period; while the period goes on, as much time from their "
            "beginning.",
        ),
    )


def _of_callbacks() -> dict[str, Text]:
    return {
        "callbacks": Text(
            ru="Обратные звонки, заказанные за период, чем бы они ни кончились.",
            en="Callbacks ordered in the period, however they ended.",
        ),
        "connected": Text(
            ru="Заказы, по которым клиент поговорил с отделом. Если он дозвонился сам, это показано "
            "отдельно: разговор считается один раз.",
            en="Orders whose customer talked with the department. Customers who got through by themselves "
            "stand apart: one talk counts once.",
        ),
        "expired": Text(
            ru="До срока никто не освободился, клиента не набирали.",
            en="Nobody came free before the deadline, and the customer was not dialled.",
        ),
        "unreached": Text(
            ru="Клиента набирали, но он не ответил ни на одну попытку.",
            en="The customer was dialled and answered none of the attempts.",
        ),
        "cancelled": Text(
            ru="Отменены клиентом, сотрудником или программой; не разрешённые к набору показаны отдельно.",
            en="Cancelled by the customer, an employee or a program; those that may not be dialled stand "
            "apart.",
        ),
        "refused": Text(
            ru="После заказа набор этого номера запрещён.",
            en="Dialling this number was barred after the order.",
        ),
        "standing": Text(ru="Ещё не кончились.", en="Have not ended yet."),
    }


def _of_employees() -> dict[str, Text]:
    return {
        "tries": Text(
            ru="Сколько раз звонили сотруднику за период, прямые звонки в том числе: отвечено + пропущено + "
            "отклонено + прочее + ещё звонят.",
            en="How often the employee was rung in the period, direct calls included: answered + missed + "
            "declined + other + still ringing.",
        ),
        "taken": Text(
            ru="Попытки, за которыми последовал разговор.", en="Tries that were followed by a talk."
        ),
        "share": Text(
            ru="Отвечено сотрудником ÷ отвечено всеми показанными сотрудниками × 100 %.",
            en="Answered by the employee ÷ answered by all employees shown × 100 %.",
        ),
        "answer": Text(ru="Среднее время от звонка до ответа.", en="Mean time from ringing to the answer."),
    }
