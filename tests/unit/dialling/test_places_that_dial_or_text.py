"""Every place that can cause a dial or a text, tried with every number that costs money (C10).

`DIALS`, `ADDRESSES` and `TEXTS` list the places in the code, found by its syntax tree: a new one fails here
until it is listed, and tried below. Each trial tells whether a number came through; it tries one guard
alone, and steps over those before it.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from contracts import callback, codec, dialling, routing, telephony
from contracts.dialling import DiallingPolicy, Refusal
from contracts.directory import DirectAction, DirectActionKind
from contracts.gateway import CommandRefused, Outcome
from contracts.ids import LegId
from contracts.message import type_name
from contracts.scenario import Element, ElementKind
from runtime.memory import MemoryClock
from services.callback.state.records import Phase
from services.directory.activities.database import Database, engine
from services.directory.activities.policed_texts import PolicedTexts
from services.directory.activities.tables import SAID
from services.directory.rules import card_checks
from services.directory.state.cards import Dialling, OrganizationCard, RulesCard, ScenarioCard
from services.directory.state.cards import Element as ElementCard
from services.directory.state.office import Kind, Office
from tests import offices
from tests.numbers import BAD, GOOD, GOOD_MOBILES, Bad
from tests.unit.callback import stories as callbacks
from tests.unit.callback import web_order_stories as web_orders
from tests.unit.directory import offices as cards
from tests.unit.gateway import harness as gateways
from tests.unit.queue import stories as queues
from tests.unit.routing import directory_facts
from tests.unit.routing import harness as routings

ROOT = Path(__file__).parents[3]
SERVICES = ROOT / "services"
DIALS = {
    "callback/decider/dials.py:command": ("an attempt", "an apology call"),
    "gateway/decider/commands.py:dial_requested": ("a gateway",),
    "queue/rules/ring_plans.py:dial": ("an agent's mobile",),
    "routing/rules/ring_plans.py:dial": ("an employee's mobile", "a forward", "a scenario's number"),
}
"""Each function that makes a DialLeg, with the trials below that go through it."""
ADDRESSES = {
    "callback/decider/dials.py:command",
    "directory/rules/facts.py:devices",
    "routing/decider/external_number.py:apply_dialled",
    "routing/rules/ring_plans.py:own_mobile",
}
"""Each function that makes a `tel:` address; the simulated phones answer on theirs."""
TEXTS = {"directory/activities/policed_texts.py:send"}
"""Each function that calls the provider of texts."""
MAKERS_OF_TEXTS = {
    "directory/service.py",
    "directory/activities/password_recovery.py",
    "directory/activities/policed_texts.py",
    "directory/activities/text_messages.py",
}
"""Each module that knows the provider of texts, or the policed way to it."""

Trial = Callable[[str, DiallingPolicy], bool]
"""Whether a number came through a place, under a policy."""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def places(is_one: Callable[[ast.AST], bool]) -> set[str]:
    """Where in the services a function has such a node."""
    return {
        f"{path.relative_to(SERVICES)}:{function.name}"
        for path in sorted(SERVICES.rglob("*.py"))
        for function in functions(path)
        if any(is_one(node) for node in ast.walk(function))
    }


def calls(*names: str) -> Callable[[ast.AST], bool]:
    """Whether a node calls something of this name."""

    def is_call(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        called = node.func
        return getattr(called, "attr", getattr(called, "id", "")) in names

    return is_call


def makes_address(node: ast.AST) -> bool:
    """Whether a node is an f-string that begins with `tel:`."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else None
    return isinstance(first, ast.Constant) and str(first.value).startswith("tel:")


def test_every_place_that_dials_is_listed() -> None:
    """Somebody adds a way to dial: here is where the corpus is tried on it."""
    assert places(calls("DialLeg")) == set(DIALS)
    assert {name for names in DIALS.values() for name in names} <= set(TRIALS)


def test_every_place_that_makes_a_public_address_is_listed() -> None:
    """Only what a policy has seen becomes an address of the public network."""
    found = {each for each in places(makes_address) if "/simulated/" not in each}
    found -= {"voicemail/activities/formats.py:call_url"}  # a link in a letter, that a person presses
    assert found == ADDRESSES


def test_every_place_that_texts_is_listed() -> None:
    """The provider's function is called in one place, and its name is known in four."""
    assert places(calls("_send", "send_text")) >= TEXTS
    knowing = {
        str(path.relative_to(SERVICES))
        for path in sorted(SERVICES.rglob("*.py"))
        if {"SendText", "text_sender", "PolicedTexts"} & set(_names(path))
    }
    assert knowing == MAKERS_OF_TEXTS


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


# The policy alone


def by_policy(number: str, policy: DiallingPolicy) -> bool:
    return dialling.refusal(number, policy) is None


def by_address(number: str, policy: DiallingPolicy) -> bool:
    return dialling.refusal_of_address(number, policy) is None


# Orders


def _is_ordered(office: callbacks.Office) -> bool:
    return bool(office.said(callback.CallbackOrdered))


def on_the_line(number: str, policy: DiallingPolicy) -> bool:
    office = callbacks.an_office(policy=policy)
    office.hears(callbacks.pressed_one(caller=number))
    return _is_ordered(office)


def typed_on_the_line(number: str, policy: DiallingPolicy) -> bool:
    office = callbacks.an_office(policy=policy)
    office.hears(
        callbacks.pressed_one(caller=None), callbacks.typed("c1", number), callbacks.typed("c1", "1")
    )
    return _is_ordered(office)


def a_typed_number(number: str, policy: DiallingPolicy) -> bool:
    office = callbacks.an_office(policy=policy)
    office.hears(callbacks.pressed_one(caller=None), callbacks.typed("c1", number))
    return bool(office.said(callback.NumberTyped))


def a_typed_number_confirmed(number: str, policy: DiallingPolicy) -> bool:
    """The policy was changed while the number was read back."""
    office = callbacks.an_office()
    office.hears(callbacks.pressed_one(caller=None), callbacks.typed("c1", callbacks.CUSTOMER))
    order = office.state.orders[LegId("c1")]
    office.state.orders.change(order, number=dialling.e164(number, policy) or number)
    _now(office, policy)
    office.hears(callbacks.typed("c1", "1"))
    return _is_ordered(office)


def by_the_api(number: str, policy: DiallingPolicy) -> bool:
    office = callbacks.an_office(policy=policy)
    office.hears(web_orders.asked(number=number))
    return _is_ordered(office)


def after_an_abandoned_call(number: str, policy: DiallingPolicy) -> bool:
    office = callbacks.an_office(policy=policy, settings=web_orders.FROM_ABANDONED)
    office.hears(web_orders.hung_up(caller=number))
    return _is_ordered(office)


# Dials of customers: the number was ordered when the policy still allowed it


def _with_callback(number: str, policy: DiallingPolicy) -> callbacks.Office:
    office = callbacks.an_office(policy=DiallingPolicy())
    callbacks.ordered("c1", office=office)
    kept = office.state.callbacks[callbacks.cb("c1")]
    office.state.callbacks.change(kept, number=dialling.e164(number, policy) or number)
    _now(office, policy)
    return office


def _now(office: callbacks.Office, policy: DiallingPolicy) -> None:
    """Another policy, of which nothing else has followed yet."""
    organization = office.state.organizations["organization"]
    office.state.organizations.change(organization, policy=policy)


def _is_dialled(dials: list[telephony.DialLeg]) -> bool:
    return any(each.address.startswith("tel:") for each in dials)


def an_attempt(number: str, policy: DiallingPolicy) -> bool:
    office = _with_callback(number, policy)
    office.hears(callbacks.ready("c1"))
    for play in office.said(telephony.Play):
        office.hears(callbacks.played(play))
    office.waits_until(office.at + 30_000)  # type: ignore[arg-type]  # an instant
    return _is_dialled(office.said(telephony.DialLeg))


def an_apology_call(number: str, policy: DiallingPolicy) -> bool:
    office = _with_callback(number, policy)
    kept = office.state.callbacks[callbacks.cb("c1")]
    office.state.callbacks.change(kept, phase=Phase.WAITING, order_leg_id=None)
    office.hears(callbacks.deadline_passed("c1"))
    return _is_dialled(office.said(telephony.DialLeg))


# Dials of employees and of scenarios


def an_agents_mobile(number: str, policy: DiallingPolicy) -> bool:
    office = queues.an_office(queues.ANNA, policy=policy)
    office.hears(office.agent(queues.ANNA, queues.mobile(number)))
    office.calls("c1")
    return _is_dialled(office.said(telephony.DialLeg))


def _routed(policy: DiallingPolicy) -> routings.RoutingHarness:
    office = routings.an_office()
    office.policy(**msgspec.structs.asdict(policy))
    return office


def an_employees_mobile(number: str, policy: DiallingPolicy) -> bool:
    office = _routed(policy)
    office.saves_person(directory_facts.ANNA, directory_facts.mobile(number))
    office.calls()
    return _is_dialled(office.said(telephony.DialLeg))


def a_forward(number: str, policy: DiallingPolicy) -> bool:
    office = _routed(policy)
    office.rules(directory_facts.ANNA, no_answer=directory_facts.to_mobile(), mobile=number)
    office.calls()
    office.phone_ends(Outcome.BUSY)
    return _is_dialled(office.said(telephony.DialLeg))


def a_scenarios_number(number: str, policy: DiallingPolicy) -> bool:
    office = _routed(policy)
    element = Element(element_id="out", kind=ElementKind.EXTERNAL_NUMBER, number=number)
    office.scenario(element)
    office.calls(directory_facts.MENU_LINE)
    if office.said(routing.ExternalEnded):
        assert office.last(routing.ExternalEnded).reason
    return _is_dialled(office.said(telephony.DialLeg))


# The gateway: a command that no decider should have sent


def a_gateway(number: str, policy: DiallingPolicy) -> bool:
    office = gateways.GatewayHarness()
    office.machine.learn(offices.organization(gateways.ORGANIZATION, version=2, dialling_policy=policy))
    office.tell(gateways.dial(f"tel:{number}"))
    office.run(1_000)
    is_dialled = office.network.counts["dials"] > 0
    assert is_dialled or office.facts(CommandRefused)[0].reason in set(Refusal)
    return is_dialled


def by_another_scheme(number: str, policy: DiallingPolicy) -> bool:
    office = gateways.GatewayHarness()
    office.machine.learn(offices.organization(gateways.ORGANIZATION, version=2, dialling_policy=policy))
    for at, scheme in enumerate(("sip:", "pbx:second/", "")):
        office.tell(gateways.dial(f"{scheme}{number}", f"leg-{at}"))
    office.run(1_000)
    return office.network.counts["dials"] > 0


# Cards


def _office(policy: DiallingPolicy, **parts: object) -> Office:
    made = cards.office(**parts)
    organization = OrganizationCard(name="О", dialling=Dialling(home_region=policy.home_region))
    return msgspec.structs.replace(made, organization=organization)


def _is_saved(office: Office, kind: Kind, id_: str) -> bool:
    return "number_refused" not in {str(each.code) for each in card_checks.problems(office, kind, id_)}


def a_card_with_a_mobile(number: str, policy: DiallingPolicy) -> bool:
    card = cards.employee("A", mobile=number, rings_mobile=True)
    return _is_saved(_office(policy, employees={"a": card}), Kind.EMPLOYEE, "a")


def a_card_with_a_sim(number: str, policy: DiallingPolicy) -> bool:
    card = cards.employee("A", sims=(number,))
    return _is_saved(_office(policy, employees={"a": card}), Kind.EMPLOYEE, "a")


FORWARD = RulesCard(absence=DirectAction(kind=DirectActionKind.MOBILE))  # type: ignore[arg-type]  # the card's twin


def rules_that_forward(number: str, policy: DiallingPolicy) -> bool:
    card = cards.employee("A", mobile=number)
    return _is_saved(_office(policy, employees={"a": card}, rules={"a": FORWARD}), Kind.RULES, "a")


def a_card_whose_rules_forward(number: str, policy: DiallingPolicy) -> bool:
    card = cards.employee("A", mobile=number)
    return _is_saved(_office(policy, employees={"a": card}, rules={"a": FORWARD}), Kind.EMPLOYEE, "a")


def a_scenarios_card(number: str, policy: DiallingPolicy) -> bool:
    element = ElementCard(element_id="out", kind=ElementKind.EXTERNAL_NUMBER, number=number)
    card = ScenarioCard(name="S", pbx_id="moskva", elements=(element,))
    return _is_saved(_office(policy, scenarios={"s": card}), Kind.SCENARIO, "s")


TRIALS: dict[str, Trial] = {
    "the policy": by_policy,
    "the policy of addresses": by_address,
    "an order on the line": on_the_line,
    "an order with a typed number": typed_on_the_line,
    "a typed number": a_typed_number,
    "a typed number confirmed": a_typed_number_confirmed,
    "an order by the API": by_the_api,
    "an order after an abandoned call": after_an_abandoned_call,
    "an attempt": an_attempt,
    "an apology call": an_apology_call,
    "an agent's mobile": an_agents_mobile,
    "an employee's mobile": an_employees_mobile,
    "a forward": a_forward,
    "a scenario's number": a_scenarios_number,
    "a gateway": a_gateway,
    "a card with a mobile": a_card_with_a_mobile,
    "a card with a SIM": a_card_with_a_sim,
    "rules that forward": rules_that_forward,
    "a card whose rules forward": a_card_whose_rules_forward,
    "a card of a scenario": a_scenarios_card,
}


@pytest.mark.rule("C10", "G4")
@pytest.mark.parametrize("place", TRIALS)
def test_no_bad_number_comes_through_a_place(place: str) -> None:
    """Whatever fails before or after it, each place refuses by itself."""
    passed = [bad for bad in BAD if TRIALS[place](bad.number, DiallingPolicy(home_region=bad.home))]
    assert passed == []


OF_ADDRESSES = ("the policy of addresses", "an agent's mobile", "an employee's mobile", "a gateway")
OF_CARDS = ("a card with a mobile", "a card with a SIM", "a card of a scenario")


@pytest.mark.rule("C10")
@pytest.mark.parametrize("place", [*OF_ADDRESSES, *OF_CARDS])
@pytest.mark.parametrize("number", ["89161234567", "9161234567", "+7 916 123-45-67", "+789161234567"])
def test_an_address_is_e164_and_nothing_that_a_parser_makes_of_it(place: str, number: str) -> None:
    """A PBX dials what stands there: 8 10 … is abroad to it, whatever we had read."""
    assert dialling.refusal(number, DiallingPolicy()) is None
    assert not TRIALS[place](number, DiallingPolicy())


@pytest.mark.rule("C10")
@pytest.mark.parametrize("place", TRIALS)
def test_ordinary_numbers_come_through_every_place(place: str) -> None:
    """A policy that refuses customers is no policy."""
    refused = [each for each in GOOD if not TRIALS[place](each[0], DiallingPolicy(home_region=each[1]))]
    assert refused == []


@pytest.mark.rule("C10")
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.number[:20].encode("unicode_escape").decode())
def test_the_policy_says_why(bad: Bad) -> None:
    """The reason is shown to people: it must be the right one."""
    assert dialling.refusal(bad.number, DiallingPolicy(home_region=bad.home)) is bad.reason, bad.why


@pytest.mark.rule("C10")
def test_a_pbx_never_gets_a_public_number_as_an_extension() -> None:
    """A PBX takes whatever is longer than an extension for a number outside."""
    numbers = [each for each in BAD if each.number != "12345" and each.number != "0611"]  # extensions
    numbers += [Bad(number, Refusal.INVALID, "", home) for number, home in GOOD]
    assert not [each for each in numbers if by_another_scheme(each.number, DiallingPolicy())]


@pytest.mark.rule("C10")
def test_before_the_card_is_heard_a_gateway_refuses_what_costs_extra_anywhere() -> None:
    """The log may have forgotten the card: only the region is unknown then."""
    passed = []
    for bad in BAD:
        office = gateways.GatewayHarness()
        office.machine._state.policy = None  # a log that has forgotten the card
        office.tell(gateways.dial(f"tel:{bad.number}"))
        office.run(1_000)
        if office.network.counts["dials"] and bad.reason is not Refusal.REGION:
            passed.append(bad)
    assert passed == []


# Texts


class Texts:
    """A database in which organizations are known by their region, and a provider that accepts everything."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sent: list[str] = []
        self.policed = PolicedTexts(database, MemoryClock(), self._accept)

    async def _accept(self, number: str, text: str) -> None:
        self.sent.append(number)

    async def knows(self, region: str, **fields: object) -> None:
        policy = msgspec.structs.replace(DiallingPolicy(home_region=region), **fields)
        said = offices.organization(region, dialling_policy=policy)
        async with self.database.begin() as connection:
            values = {"organization_id": region, "type": type_name(said), "subject": region}
            values |= {"version": 1, "digest": "", "value": codec.encode(said)}  # type: ignore[dict-item]
            await connection.execute(insert(SAID).values(**values))

    async def is_sent(self, number: str, region: str, agent_id: str = "") -> bool:
        before = len(self.sent)
        await self.policed.send(region, agent_id or number[:40], number, "code")
        return len(self.sent) > before


@pytest.fixture
async def texts(tmp_path: Path) -> Texts:
    database = Database(engine(f"sqlite:///{tmp_path}/directory.db"))
    await database.upgrade()
    made = Texts(database)
    for region in sorted({each.home for each in BAD} | {home for _, home in GOOD}):
        await made.knows(region)
    return made


@pytest.mark.rule("C10", "E7")
async def test_no_text_goes_to_a_bad_number(texts: Texts) -> None:
    """Codes for passwords are asked for by anybody, and paid for by us."""
    assert [bad for bad in BAD if await texts.is_sent(bad.number, bad.home)] == []


@pytest.mark.rule("C10", "E7")
async def test_texts_go_to_mobiles_and_to_nothing_else(texts: Texts) -> None:
    """To an ordinary line some carriers send a voice, at a price."""
    sent = [each for each in GOOD if await texts.is_sent(*each)]
    assert sent == list(GOOD_MOBILES)
    await texts.knows("off", home_region="RU", is_on=False)
    assert not await texts.is_sent("+79161234567", "off")
    assert not await texts.is_sent("+79161234567", "nowhere")


@pytest.mark.rule("C10", "E7")
async def test_an_employee_a_number_and_an_organization_have_so_many_texts_a_day(texts: Texts) -> None:
    """Whoever asks without being known spends no more than that, on all replicas, until midnight."""
    numbers = [f"+7916123{at:04d}" for at in range(120)]
    to_one_employee = [await texts.is_sent(number, "RU", "a") for number in numbers[:11]]
    to_one_number = [await texts.is_sent("+79260000000", "RU", f"b{at}") for at in range(11)]
    assert (to_one_employee, to_one_number) == ([True] * 10 + [False], [True] * 10 + [False])
    sent = [await texts.is_sent(number, "RU", number) for number in numbers]
    assert sent == [True] * 80 + [False] * 40
    again = Texts(texts.database)
    assert not await again.is_sent("+79169999999", "RU", "c")


@pytest.mark.rule("C10", "E7", "O1")
async def test_no_organization_uses_up_the_texts_that_a_person_gets_from_others(texts: Texts) -> None:
    """Anybody can be put on a card; still no phone gets more than thirty."""
    number, organizations = "+79260000000", ("first", "second", "third", "fourth")
    for each in organizations:
        await texts.knows(each, home_region="RU")
    got = [sum([await texts.is_sent(number, each, f"a{at}") for at in range(12)]) for each in organizations]
    assert got == [10, 10, 10, 0]
