"""The company of the stories on real phones: each story has a department, a line and people of its own.

    line 01  sales     anna                       a callback that is connected
    line 02  support   boris, who never comes     a callback that expires; its voice message
    line 03  orlov     in person                  a direct call, forwarded to petrova
    line 04  hotline   sergey, tamara, ulyana     all ring, two pick up at once
    line 05  field     fedor                      a mobile that is answered by a key
    line 06  service   vera, of the other PBX     two PBXs
    line 07  archive   grigory                    the talk is recorded
    line 08  delivery  ivan                       the customer's phone is switched off

Agents are away until their story begins. What people say differs, so that each voice can be recognized.
"""

from dataclasses import dataclass
from typing import Any, Final

from contracts import gateway as g
from contracts.directory import Language, NoticeSaved
from contracts.ids import PbxId
from contracts.prompts import number_prompts
from contracts.tts import NoticeRendered
from tests.e2e.company import PROMPTS, Company

MOSKVA, VOLGA = PbxId("moskva"), PbxId("volga")
EXTENSIONS: Final = {
    "anna": "201",
    "boris": "202",
    "orlov": "203",
    "petrova": "204",
    "sergey": "205",
    "tamara": "206",
    "ulyana": "207",
    "fedor": "208",
    "grigory": "209",
    "ivan": "210",
    "vera": "221",
}
OF_VOLGA: Final = ("vera",)
DEPARTMENTS: Final = tuple(str(300 + number) for number in range(8))
MOBILE: Final = "+79000004208"
AGENT_SAYS: Final = "Добрый день, вы позвонили в компанию Маяк, я слушаю вас внимательно."
CUSTOMER_SAYS: Final = "Здравствуйте, спасибо, что перезвонили, у меня вопрос о доставке."
MESSAGE: Final = "Это голосовое сообщение для отдела поддержки. Пожалуйста, перезвоните мне завтра утром."

OFFICE: Final = """
organization: {{ id: {id}, name: Маяк, administrators: [anna] }}
pbxs:
  moskva:
    name: Москва
    kind: cloud
    numbers: [{lines}]
  volga: {{ name: Волга, kind: cloud, numbers: ["+78310004001"] }}
employees:
  anna: {{ name: Анна Белова, pbx: moskva, extension: 201, email: "anna@{id}.example" }}
  boris: {{ name: Борис Чернов, pbx: moskva, extension: 202, email: "boris@{id}.example" }}
  orlov:
    name: Степан Орлов
    pbx: moskva
    extension: 203
    direct: {{ numbers: ["{line[3]}"], ring: 5 s, no_answer: {{ then: colleague, employee: petrova }} }}
  petrova: {{ name: Ольга Петрова, pbx: moskva, extension: 204 }}
  sergey: {{ name: Сергей Лунин, pbx: moskva, extension: 205 }}
  tamara: {{ name: Тамара Беглова, pbx: moskva, extension: 206 }}
  ulyana: {{ name: Ульяна Зорина, pbx: moskva, extension: 207 }}
  fedor:
    name: Фёдор Климов
    pbx: moskva
    extension: 208
    devices: [{{ kind: mobile, number: "{mobile}", after: 0 s }}]
  grigory: {{ name: Григорий Носов, pbx: moskva, extension: 209 }}
  ivan: {{ name: Иван Дроздов, pbx: moskva, extension: 210 }}
  vera: {{ name: Вера Зимина, pbx: volga, extension: 221 }}
departments:
  sales:
    name: Отдел продаж
    pbx: moskva
    extension: 300
    lines: ["{line[1]}"]
    agents: [anna]
    no_answer: {{ after: 5 min, then: voicemail }}
    callback: {{ on: true, invitation_after: 1 s, attempt_gap: 5 s }}
    notices: {{ position: none }}
  support:
    name: Поддержка
    pbx: moskva
    extension: 301
    lines: ["{line[2]}"]
    agents: [boris]
    no_answer: {{ after: 30 s, then: voicemail, notice: none }}
    callback: {{ on: true, invitation_after: 1 s }}
    voicemail: {{ silence: 8 s }}
    notices: {{ welcome: none, position: none }}
    recipients: [anna]
  hotline:
    name: Горячая линия
    pbx: moskva
    extension: 302
    lines: ["{line[4]}"]
    agents: [sergey, tamara, ulyana]
    strategy: {{ kind: ring_all, ring: 30 s }}
    no_answer: {{ after: 5 min, then: voicemail }}
    notices: {{ welcome: none }}
  field:
    name: Выездная служба
    pbx: moskva
    extension: 303
    lines: ["{line[5]}"]
    agents: [fedor]
    no_answer: {{ after: 5 min, then: voicemail }}
    notices: {{ welcome: none }}
  service:
    name: Сервис
    pbx: moskva
    extension: 304
    lines: ["{line[6]}"]
    agents: [vera]
    no_answer: {{ after: 5 min, then: voicemail }}
    notices: {{ welcome: none }}
  archive:
    name: Архив
    pbx: moskva
    extension: 305
    lines: ["{line[7]}"]
    agents: [grigory]
    no_answer: {{ after: 5 min, then: voicemail }}
    notices: {{ welcome: none }}
    records_calls: true
  delivery:
    name: Доставка
    pbx: moskva
    extension: 306
    lines: ["{line[8]}"]
    agents: [ivan]
    no_answer: {{ after: 5 min, then: voicemail }}
    callback: {{ on: true, invitation_after: 1 s, attempts: 1 }}
    notices: {{ welcome: none, position: none }}
    recipients: [anna]
"""


@dataclass(slots=True)
class Mayak(Company):
    """The company; customers are numbered as their lines are."""

    def dialled(self, line: int) -> str:
        """The number of a line."""
        return f"+74950004{line:03}"

    def customer(self, line: int) -> str:
        """The number of the customer who calls a line."""
        return f"+79000004{line:03}"

    def office(self) -> str:
        """The office file."""
        lines = {number: self.dialled(number) for number in range(1, 9)}
        return OFFICE.format(
            id=self.name,
            lines=", ".join(f'"{line}"' for line in lines.values()),
            line=lines,
            mobile=MOBILE,
        )

    def pbx_scripts(self) -> dict[PbxId, dict[str, Any]]:
        """Every agent's phone is there and belongs to nobody's story yet: it is not registered."""
        away = {"is_reachable": False}
        phones = {f"sip:{extension}": away for name, extension in EXTENSIONS.items() if name not in OF_VOLGA}
        return {
            MOSKVA: {"phones": phones},
            VOLGA: {"phones": {f"sip:{EXTENSIONS[name]}": away for name in OF_VOLGA}},
        }

    def public_script(self) -> dict[str, Any]:
        """Customers' phones and the agent's mobile: stories say what they do."""
        return {self.customer(line): {} for line in range(1, 9)} | {MOBILE: {}}

    def prompts(self) -> set[str]:
        """The standard prompts that anybody may hear."""
        numbers = (self.customer(line) for line in range(1, 9))
        spoken = {prompt for number in numbers for prompt in number_prompts(Language.RUSSIAN, number)}
        return {*PROMPTS, *spoken, "waited_1", "waited_2", "position_1", "wait_1", "wait_2"}

    def is_open(self) -> bool:
        """Whether its PBXs, phones and notices are known, so that customers may call."""
        notices = {fact.notice_id for fact in self.all(NoticeSaved)}
        return (
            {fact.pbx_id for fact in self.all(g.PbxClaimed)} == {MOSKVA, VOLGA}
            and len({fact.address for fact in self.all(g.DeviceChanged)}) >= len(EXTENSIONS)
            and notices <= {fact.notice_id for fact in self.all(NoticeRendered)}
        )
