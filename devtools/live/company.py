"""The company's office, as `ringback apply` takes it, and how its people's phones behave."""

import random
from dataclasses import dataclass
from typing import Any, Final

from contracts.ids import AgentId, OrganizationId, PbxId
from services.gateway.simulated.script import Behaviour, PbxScript, Phone, Script, Step, Until

ORGANIZATION: Final = OrganizationId("severny-veter")
CLOUD: Final = PbxId("cloud")
SECOND: Final = PbxId("second")
PEOPLE: Final = 40
FIRST_EXTENSION: Final = 201
WRAP_UP_S: Final = 15
TALK_S_MIN: Final = 40
TALK_S_MAX: Final = 240
TALK_S_MODE: Final = 75
"""Most talks are short, and a few are long."""
DIALLINGS: Final = 60
"""How a phone behaves is drawn for so many diallings; then the last one repeats."""
NO_ANSWER_SHARE: Final = 0.06
DECLINED_SHARE: Final = 0.03

FAMILY_NAMES: Final = """
Абрамцев Алтынова Бажин Беглова Белозёров Вешнякова Волохов Глухарёва Гусев Дроздецкая
Ельников Жемчугова Заречный Зимина Ивняков Калиткина Камышев Ключевская Крутов Лесовая
Лучинин Мостовая Наволоцкий Нивина Окунев Орликова Осинин Перелескова Плёсов Полозова Рощин
Садовая Сафин Снегирёва Тропинин Угрюмова Хвоин Черёмухина Шатров Ясенева
"""
"""Everybody's own: no two are the same."""
FAMILIES: Final = FAMILY_NAMES.split()
FIRST_NAMES: Final = (
    "Родион",
    "Вера",
    "Степан",
    "Тамара",
    "Тимур",
    "Злата",
    "Захар",
    "Лилия",
    "Юлиан",
    "Ася",
)

GREETING: Final = "Здравствуйте! Компания «Северный ветер», слушаю вас."
MESSAGES: Final = (
    "Добрый день. Меня интересует доставка двадцати коробок в Самару, перезвоните мне завтра после обеда.",
    "Здравствуйте, не пришёл счёт за ноябрь. Перезвоните, пожалуйста.",
    "Это снова я, по поводу заказа сто сорок два. Жду звонка до вечера.",
)


@dataclass(frozen=True, slots=True)
class Group:
    """One department: its people by their number in FAMILIES, its line, and how it shares its calls."""

    id: str
    name: str
    pbx: PbxId
    extension: int
    line: str
    people: range
    strategy: str
    no_answer: str


GROUPS: Final = (
    Group("sales", "Отдел продаж", CLOUD, 300, "+74950001000", range(16), "longest_idle", "4 min"),
    Group("support", "Поддержка", CLOUD, 301, "+74950001001", range(16, 32), "longest_idle", "6 min"),
    Group("delivery", "Доставка", SECOND, 302, "+78310002000", range(32, 40), "ring_all", "3 min"),
)
ADMINISTRATOR: Final = 8
HEAD: Final = 3
AGENT: Final = 13
"""The three who get a login: all of the sales department."""


def agent_id(number: int) -> AgentId:
    """Who is the n-th of FAMILIES."""
    return AgentId(f"agent-{FIRST_EXTENSION + number}")


def office() -> dict[str, Any]:
    """The office file as YAML would give it."""
    return {
        "organization": {
            "id": ORGANIZATION,
            "name": "Северный ветер",
            "language": "ru",
            "timezone": "Europe/Moscow",
            "administrators": [agent_id(ADMINISTRATOR)],
        },
        "pbxs": {
            CLOUD: {"name": "Москва", "kind": "cloud", "numbers": [GROUPS[0].line, GROUPS[1].line]},
            SECOND: {"name": "Волга", "kind": "cloud", "numbers": [GROUPS[2].line]},
        },
        "employees": {agent_id(number): _employee(number) for number in range(PEOPLE)},
        "departments": {group.id: _department(group) for group in GROUPS},
    }


def _employee(number: int) -> dict[str, Any]:
    return {
        "name": f"{FAMILIES[number]} {FIRST_NAMES[number % len(FIRST_NAMES)]}",
        "pbx": _pbx_of(number),
        "extension": FIRST_EXTENSION + number,
        "email": f"{agent_id(number)}@severny-veter.example",
    }


def _pbx_of(number: int) -> PbxId:
    """The last of support sit in Volga, so that a department has people of two PBXs."""
    return SECOND if number >= GROUPS[2].people.start - 4 else CLOUD


def _department(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "pbx": group.pbx,
        "extension": group.extension,
        "lines": [group.line],
        "agents": [agent_id(number) for number in group.people],
        "strategy": {"kind": group.strategy, "ring": "20 s"},
        "no_answer": {"after": group.no_answer, "then": "voicemail"},
        "wrap_up": f"{WRAP_UP_S} s",
        "callback": {"on": True, "invitation_after": "15 s", "ring": "30 s", "attempt_gap": "40 s"},
        "heads": [agent_id(HEAD)],
        "recipients": [agent_id(group.people.start)],
    }


def phones(chance: random.Random) -> Script:
    """The phones of everybody, and how customers answer; nobody calls by the script itself."""
    return Script(
        pbxs={
            pbx_id: PbxScript(
                phones={
                    f"sip:{FIRST_EXTENSION + number}": Phone(behaviours=_at_work(chance))
                    for number in range(PEOPLE)
                    if _pbx_of(number) == pbx_id
                }
            )
            for pbx_id in (CLOUD, SECOND)
        },
        stranger=Phone(behaviours=_customer(chance)),
    )


def _at_work(chance: random.Random) -> tuple[Behaviour, ...]:
    return tuple(_dialled(chance) for _ in range(DIALLINGS))


def _dialled(chance: random.Random) -> Behaviour:
    drawn = chance.random()
    if drawn < NO_ANSWER_SHARE:
        return Behaviour()
    if drawn < NO_ANSWER_SHARE + DECLINED_SHARE:
        return Behaviour(decline_after_s=chance.uniform(1, 4))
    talk_s = chance.triangular(TALK_S_MIN, TALK_S_MAX, TALK_S_MODE)
    then = (
        Step(until=Until.BRIDGED),
        Step(say=GREETING),
        Step(wait_s=round(talk_s, 1)),
        Step(hang_up=True),
    )
    return Behaviour(answer_after_s=round(chance.uniform(1.5, 7), 1), then=then)


def _customer(chance: random.Random) -> tuple[Behaviour, ...]:
    """Answers most times; whoever hears the apology leaves a message."""
    told = [
        Behaviour(
            answer_after_s=round(chance.uniform(2, 9), 1),
            then=(
                Step(during="apology_press_one"),
                Step(wait_s=1),
                Step(press="1"),
                Step(until=Until.RECORDING),
                Step(wait_s=0.6),
                Step(say=message),
                Step(wait_s=0.6),
                Step(hang_up=True),
            ),
        )
        for message in MESSAGES
    ]
    return (*told, Behaviour(), told[0])
