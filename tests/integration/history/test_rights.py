"""Every route, role, own and other department and organization, as the table of rights says (P1 to P6)."""

import re
from typing import Final

import pytest
from httpx import AsyncClient, Response
from msgspec import Struct, structs

from contracts import rights
from contracts.directory import OrganizationSaved, RightsSaved, Role, TokenSaved
from contracts.ids import AgentId, DepartmentId, Instant, PlaceId
from contracts.rights import Action, Holder, Person, Program, Subject
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from tests.integration.history.harness import SOUTH, TOKEN_KEYS, HistoryHarness, an_office, department_call
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BEGIN, BORIS, NORTH, SALES, SERVICE, VERA

PERIOD: Final = {"since_at": 1_799_999_000_000, "until_at": 1_800_001_000_000}


class Thing(Struct, frozen=True, kw_only=True):
    """A contact with its voice message, recording and callback, and whose it is."""

    leg: str
    departments: frozenset[DepartmentId] = frozenset()
    agents: frozenset[AgentId] = frozenset()
    is_internal: bool = False
    is_elsewhere: bool = False
    has_recording: bool = True
    has_callback: bool = True

    def subject(self) -> Subject:
        """As the table of rights sees it."""
        organization = SOUTH if self.is_elsewhere else NORTH
        return Subject(organization_id=organization, agents=self.agents, departments=self.departments)


THINGS: Final = (
    Thing(leg="in.sales", departments=frozenset({SALES})),
    Thing(leg="in.service", departments=frozenset({SERVICE})),
    Thing(leg="in.inside", departments=frozenset({SALES}), is_internal=True),
    Thing(leg="in.anna", agents=frozenset({ANNA}), has_recording=False, has_callback=False),
    Thing(leg="in.south", departments=frozenset({SALES}), is_elsewhere=True),
)
ROLES: Final = [
    RightsSaved(
        agent_id=ANNA, version=2, role=role, sees_organization=sees, may_hear=hears, may_download=hears
    )
    for role in Role
    for sees in (False, True)
    for hears in (True, False)
]


def person_of(saved: RightsSaved) -> Person:
    """Anna with a role: she sits in Sales and is its head."""
    return Person(
        organization_id=NORTH,
        agent_id=ANNA,
        role=saved.role,
        sees_organization=saved.sees_organization,
        may_download=saved.may_download,
        may_hear=saved.may_hear,
        departments=frozenset({SALES}),
    )


def may(holder: Holder, action: Action, thing: Thing) -> bool:
    """What the table says; internal calls have a line of their own."""
    if thing.is_internal and rights.reach(holder, Action.HISTORY_READ_INTERNAL) is None:
        return False
    return rights.allows(holder, action, thing.subject())


OF_ONE: Final[dict[tuple[str, str], tuple[Action, str]]] = {
    ("get", "/history/{contact_id}"): (Action.HISTORY_READ, "/history/{leg}"),
    ("get", "/history/{contact_id}/why"): (Action.HISTORY_READ, "/history/{leg}/why"),
    ("get", "/history/callbacks/{callback_id}"): (Action.HISTORY_READ, "/history/callbacks/cb.p.{leg}"),
    ("get", "/recordings/{recording_id}/audio"): (Action.RECORDING_HEAR, "/recordings/rec.{leg}/audio"),
    ("get", "/voice-messages/{voice_message_id}"): (Action.MESSAGE_HEAR, "/voice-messages/vm.{leg}"),
    ("get", "/voice-messages/{voice_message_id}/audio"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/audio",
    ),
    ("post", "/voice-messages/{voice_message_id}/heard"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/heard",
    ),
    ("post", "/voice-messages/{voice_message_id}/claim"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/claim",
    ),
    ("put", "/voice-messages/{voice_message_id}/notes/{note_id}"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/notes/n1",
    ),
    ("post", "/voice-messages/{voice_message_id}/unclaim"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/unclaim",
    ),
    ("post", "/voice-messages/{voice_message_id}/called-back"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/called-back",
    ),
    ("delete", "/voice-messages/{voice_message_id}"): (Action.MESSAGE_DELETE, "/voice-messages/vm.{leg}"),
    ("post", "/voice-messages/{voice_message_id}/restore"): (
        Action.MESSAGE_DELETE,
        "/voice-messages/vm.{leg}/restore",
    ),
}
OF_ALL: Final = {
    ("get", "/history"),
    ("get", "/history.csv"),
    ("get", "/history/callbacks"),
    ("get", "/me/call"),
    ("get", "/me/call/events"),
    ("get", "/statistics"),
    ("get", "/statistics.csv"),
    ("get", "/live"),
    ("get", "/live/events"),
    ("get", "/voice-messages"),
    ("get", "/voice-messages/counts"),
    ("post", "/erase"),
    ("get", "/erase/{erasure_id}"),
}


@pytest.mark.rule("P1", "P2", "P3", "P4", "P6", "O1", "O6", "V5", "R1")
@pytest.mark.parametrize(
    "saved", ROLES, ids=lambda saved: f"{saved.role}-{saved.sees_organization}-{saved.may_hear}"
)
async def test_every_route_obeys_the_table_of_rights(
    harness_on_both: HistoryHarness, saved: RightsSaved
) -> None:
    """Without the right the answer is 403, and is recorded; what another organization has is 404."""
    await an_office(harness_on_both, saved)
    await _callbacks(harness_on_both)
    async with harness_on_both.browser(ANNA) as asked:
        await _obeys(harness_on_both, asked, person_of(saved))


@pytest.mark.rule("P6", "P8", "P9", "O1", "O6", "V5", "R1")
@pytest.mark.parametrize("departments", [(), (SALES,)], ids=["the organization", "one department"])
async def test_every_route_obeys_what_a_token_names_and_its_departments(
    patient: HistoryHarness, departments: tuple[DepartmentId, ...]
) -> None:
    """A token with one action, for each action there is, and one with all of them."""
    await an_office(patient)
    await _callbacks(patient)
    for number, actions in enumerate([*((each,) for each in Action), tuple(Action)]):
        token_id = f"t{number}"
        key = TokenSaved(token_id=token_id, version=1, name="it", actions=actions, department_ids=departments)
        await patient.tell(key, at_s=60 + number)
        program = Program(
            organization_id=NORTH,
            token_id=token_id,
            actions=frozenset(actions),
            departments=frozenset(departments),
        )
        async with patient.browser(None) as asked:
            asked.headers["Authorization"] = f"Bearer {program_token(token_id)}"
            await _obeys(patient, asked, program)


async def _callbacks(harness: HistoryHarness) -> None:
    """Each contact that passed a department has ordered a callback there."""
    for thing in THINGS:
        for department_id in thing.departments:
            ordered = structs.replace(stories.ordered(thing.leg), department_id=department_id)
            if thing.is_internal:
                ordered = structs.replace(ordered, number="")
            organization_id = SOUTH if thing.is_elsewhere else NORTH
            await harness.tell(ordered, organization_id=organization_id, at_s=55)


async def _obeys(harness: HistoryHarness, asked: AsyncClient, holder: Holder) -> None:
    """Ask for everything there is, and compare with the table."""
    await _lists(asked, holder)
    await _search(asked, holder)
    for (method, _), (action, address) in OF_ONE.items():
        # Without the right one refusal is like another.
        for thing in THINGS if rights.reach(holder, action) or isinstance(holder, Person) else THINGS[:1]:
            is_silent = "recordings" in address and not thing.has_recording
            if is_silent or ("callbacks" in address and not thing.has_callback):
                continue
            before = len(harness.refusals())
            body = {"text": "a note"} if "/notes/" in address else None
            answer = await asked.request(method, address.format(leg=thing.leg), json=body)
            if isinstance(holder, Program) and method != "get":
                # Nobody could be asked later why the customer was not called.
                assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")
                continue
            wanted = expected(holder, action, thing)
            assert answer.status_code == wanted, (method, address, thing, answer.text)
            assert len(harness.refusals()) - before == (1 if wanted == 403 else 0), (address, thing)
            if wanted == 200 and method == "get" and not address.endswith(("audio", "why")):
                sees = rights.allows(holder, Action.NUMBER_SEE, thing.subject())
                assert _shows_number(answer) == (sees and not thing.is_internal), (address, thing)
    await _own_call(asked, holder)
    answer = await asked.post("/erase", json={"number": "+79165559999"})
    assert answer.status_code == (200 if rights.reach(holder, Action.ERASE) else 403)
    answer = await asked.get("/erase/unknown")
    assert answer.status_code == (404 if rights.reach(holder, Action.ERASE) else 403)


async def _own_call(asked: AsyncClient, holder: Holder) -> None:
    answer = await asked.get("/me/call")
    if rights.reach(holder, Action.HISTORY_READ) is None:
        assert_shape(answer, 403, "forbidden")
    elif isinstance(holder, Program):
        assert_shape(answer, 403, "person_needed")
    else:
        found = answer.json()
        assert (answer.status_code, found["state"]["state"], found["call"]) == (200, "free", None)


def _shows_number(answer: Response) -> bool:
    """Whether an answer shows the customer's number, in any form that people or networks write it."""
    digits = re.sub(r"[\s()+.-]|%2B", "", answer.text)
    return "9165550001" in digits


def expected(holder: Holder, action: Action, thing: Thing) -> int:
    """The status that the table wants."""
    if rights.reach(holder, action) is None:
        return 403
    if thing.is_elsewhere:
        return 404
    return 200 if may(holder, action, thing) else 403


async def _lists(asked: AsyncClient, holder: Holder) -> None:
    contacts = {each.leg for each in THINGS if may(holder, Action.HISTORY_READ, each)}
    for wanted, legs in (
        ({}, contacts),
        ({"department": SALES}, {each.leg for each in THINGS if SALES in each.departments}),
        ({"department": f"{SALES},{SERVICE}"}, {each.leg for each in THINGS if each.departments}),
        ({"employee": ANNA}, {each.leg for each in THINGS if ANNA in each.agents}),
    ):
        listed = await asked.get("/history", params=wanted)
        if rights.reach(holder, Action.HISTORY_READ) is None:
            assert_shape(listed, 403, "forbidden")
        else:
            assert {row["contact_id"] for row in listed.json()["rows"]} == contacts & legs, wanted
    listed = await asked.get("/history/callbacks")
    if rights.reach(holder, Action.HISTORY_READ) is None:
        assert_shape(listed, 403, "forbidden")
    else:
        wanted_ids = {f"cb.p.{each.leg}" for each in THINGS if each.leg in contacts and each.has_callback}
        assert {each["callback_id"] for each in listed.json()["callbacks"]} == wanted_ids
        if wanted_ids - {"cb.p.in.inside"}:
            assert _shows_number(listed) == (rights.reach(holder, Action.NUMBER_SEE) is not None)
    listed = await asked.get("/voice-messages")
    if rights.reach(holder, Action.MESSAGE_HEAR) is None:
        assert_shape(listed, 403, "forbidden")
    else:
        messages = {f"vm.{each.leg}" for each in THINGS if may(holder, Action.MESSAGE_HEAR, each)}
        assert {each["voice_message_id"] for each in listed.json()["messages"]} == messages
        if messages:
            assert _shows_number(listed) == (rights.reach(holder, Action.NUMBER_SEE) is not None)
    await _inboxes(asked, holder)
    table = await asked.get("/history.csv")
    downloads = rights.reach(holder, Action.HISTORY_DOWNLOAD) and rights.reach(holder, Action.HISTORY_READ)
    assert table.status_code == (200 if downloads else 403)
    if downloads:
        assert len(table.text.splitlines()) == 1 + len(contacts)
        assert _shows_number(table) == (rights.reach(holder, Action.NUMBER_SEE) is not None)
    await _figures(asked, holder)


async def _inboxes(asked: AsyncClient, holder: Holder) -> None:
    """What nobody has taken care of yet is counted as it is listed, and each inbox has its own."""
    counted = await asked.get("/voice-messages/counts")
    if rights.reach(holder, Action.MESSAGE_HEAR) is None:
        assert_shape(counted, 403, "forbidden")
        return
    visible = [each for each in THINGS if may(holder, Action.MESSAGE_HEAR, each)]
    of_anna = {each.leg for each in visible if each.agents}
    own, others = (of_anna, set()) if isinstance(holder, Person) else (set(), of_anna)
    of_departments = {each.leg for each in visible if each.departments}
    wanted = {"departments": of_departments, "own": own, "colleagues": others, "claimed": set()}
    for inbox, legs in wanted.items():
        listed = await asked.get("/voice-messages", params={"inbox": inbox})
        assert {each["contact_id"] for each in listed.json()["messages"]} == legs, inbox
        new = await asked.get("/voice-messages", params={"inbox": inbox, "state": "new"})
        assert counted.json()[inbox] == len(new.json()["messages"]), inbox


async def _figures(asked: AsyncClient, holder: Holder) -> None:
    present = await asked.get("/live")
    if rights.reach(holder, Action.LIVE_READ) is None:
        assert_shape(present, 403, "forbidden")
    else:
        seen = {each["department_id"] for each in present.json()["departments"]}
        assert seen == _departments(holder, Action.LIVE_READ)
    figures = await asked.get("/statistics", params=PERIOD)
    if rights.reach(holder, Action.STATISTICS_READ) is None:
        assert figures.status_code == 403
    else:
        seen = {each["department_id"] for each in figures.json()["departments"]}
        assert seen == _departments(holder, Action.STATISTICS_READ)
    file = await asked.get("/statistics.csv", params=PERIOD)
    needed = (Action.STATISTICS_READ, Action.HISTORY_DOWNLOAD)
    assert file.status_code == (200 if all(rights.reach(holder, each) for each in needed) else 403)


def _departments(holder: Holder, action: Action) -> set[DepartmentId]:
    """The departments that a right reaches."""
    return {
        department
        for department in (SALES, SERVICE)
        if rights.allows(holder, action, Subject(organization_id=NORTH, departments=frozenset({department})))
    }


async def _search(asked: AsyncClient, holder: Holder) -> None:
    """Who may not see numbers may not look for one either, right or wrong: that would tell it bit by bit."""
    for address in ("/history", "/history.csv"):
        for number in ("+79165550001", "0001", "+79160000000"):
            answer = await asked.get(address, params={"number": number})
            if rights.reach(holder, Action.NUMBER_SEE) is None:
                assert_shape(answer, 403, "forbidden")


@pytest.mark.rule("P8")
@pytest.mark.parametrize("role", list(Role))
async def test_numbers_hidden_from_a_role_are_masked_wherever_it_looks(
    harness: HistoryHarness, role: Role
) -> None:
    """The organization switches `number.see` off: rows, contacts, CSV, voice messages and «why» show four
    digits at most, nothing is found by number, and what does not need the number goes on as before."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=role))
    await _callbacks(harness)
    shown = structs.replace(person_of(RightsSaved(agent_id=ANNA, version=2, role=role)))
    async with harness.browser(ANNA) as asked:
        near = await asked.get("/history/in.anna")
        assert _shows_number(near)
        related = [each["contact_id"] for each in near.json()["same_number"]]
        organization = next(each for each in stories.the_cards() if isinstance(each, OrganizationSaved))
        hidden = structs.replace(organization, version=2, numbers_hidden_from=(role,))
        await harness.tell(hidden, at_s=56)
        masked = await asked.get("/history/in.anna")
        assert (masked.json()["row"]["number"], _shows_number(masked)) == ("…0001", False)
        assert [each["contact_id"] for each in masked.json()["same_number"]] == related
        await _obeys(harness, asked, structs.replace(shown, sees_numbers=False))
    assert "number.see" in {each.action for each in harness.refusals()}


def test_every_route_is_in_the_table_of_this_test(harness: HistoryHarness) -> None:
    """A new route without a line above is a route whose rights nobody has looked at."""
    document = harness.app.openapi_schema.to_schema()
    routes = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert routes == set(OF_ONE) | OF_ALL


@pytest.mark.rule("P6", "P5")
async def test_who_has_no_rights_saved_gets_nothing(office: HistoryHarness) -> None:
    """Deny by default: an employee without a role sees nothing."""
    async with office.browser(VERA) as asked:
        assert (await asked.get("/history")).status_code == 401
    async with office.browser(None) as asked:
        answer = await asked.get("/history")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


@pytest.mark.rule("P5")
async def test_a_refusal_says_who_asked_for_what_and_why_not_in_both_languages(
    harness: HistoryHarness,
) -> None:
    """The refused person reads the remedy, the administrator reads the record (EC-97)."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=Role.RESTRICTED_USER))
    async with harness.browser(ANNA) as asked:
        answer = await asked.get("/voice-messages/vm.in.service/audio")
    assert_shape(answer, 403, "forbidden")
    refused = harness.refusals()[-1]
    assert (refused.by, refused.action, refused.what) == (
        "agent/anna",
        "message.hear",
        "voice-message/vm.in.service",
    )


def assert_shape(answer: Response, status: int, code: str) -> None:
    """The one shape of an error."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert set(problem["cause"]) == set(problem["remedy"]) == {"ru", "en"}


@pytest.mark.rule("P1")
async def test_an_administrator_sees_all_of_the_own_organization(office: HistoryHarness) -> None:
    """And nothing of another one."""
    async with office.browser(BORIS) as asked:
        rows = (await asked.get("/history")).json()["rows"]
    assert [row["contact_id"] for row in rows] == ["in.anna", "in.inside", "in.service", "in.sales"]


@pytest.mark.rule("P3", "P4", "P9")
@pytest.mark.parametrize("reader", ["program", *Role])
async def test_of_other_departments_on_a_contacts_way_neither_agents_nor_addresses_are_shown(
    harness: HistoryHarness, reader: str
) -> None:
    """The caller went on from Service to Sales: whose contact it is sees that, but not who of Service was
    away, and to whom letters about its voice messages went."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=Role.USER))
    await harness.tell(
        *department_call("in.both", SERVICE)[:-1],
        structs.replace(stories.place("in.both", SALES), place_id=PlaceId("p.second")),
        stories.rung(ANNA, "t.both", "in.both"),
        at_s=70,
    )
    key = TokenSaved(
        token_id="crm",
        version=1,
        name="CRM",
        actions=("history.read", "message.hear"),
        department_ids=(SALES,),
    )
    own = [] if reader == "program" else [RightsSaved(agent_id=ANNA, version=3, role=Role(reader))]
    await harness.tell(key, *own, at_s=80)
    harness.clock.advance(100)
    async with harness.browser(ANNA) as asked:
        if reader == "program":
            asked.headers["Authorization"] = f"Bearer {program_token('crm')}"
        contact = (await asked.get("/history/in.both")).json()
        why = (await asked.get("/history/in.both/why")).json()
    is_whole = reader == Role.ADMINISTRATOR
    assert [bool(each["letters"]) for each in contact["messages"]] == [is_whole]
    shown = {each["department_id"]: [one["agent_id"] for one in each["agents"]] for each in why["places"]}
    assert shown[SERVICE] == ([VERA] if is_whole else [])
    assert set(shown[SALES]) == ({ANNA} if reader == Role.RESTRICTED_USER else {ANNA, VERA})


@pytest.mark.rule("P6", "V5")
async def test_a_program_may_what_its_key_names_and_never_takes_a_voice_message(
    office: HistoryHarness,
) -> None:
    """A program can't be asked later why the customer was not called."""
    key = TokenSaved(token_id="crm", version=1, name="CRM", actions=("history.read", "message.hear"))
    await office.tell(key, at_s=60)
    async with office.browser(None) as asked:
        asked.headers["Authorization"] = f"Bearer {program_token('crm')}"
        assert (
            len((await asked.get("/history")).json()["rows"]) == 3
        )  # the internal call has a line of its own
        assert_shape(await asked.post("/erase", json={"number": "+79165550001"}), 403, "forbidden")
        assert office.refusals()[-1].by == "token/crm"
        assert_shape(await asked.post("/voice-messages/vm.in.sales/claim"), 403, "person_needed")
        await office.tell(structs.replace(key, version=2, is_revoked=True), at_s=70)
        assert_shape(await asked.get("/history"), 401, "token_refused")


@pytest.mark.rule("P6")
async def test_a_token_that_was_made_anew_or_is_at_its_end_opens_nothing(office: HistoryHarness) -> None:
    """History never sees digests: it knows by the fact when the token was signed that is valid."""
    key = TokenSaved(token_id="crm", version=1, name="CRM", actions=("history.read",), issued_at=BEGIN)
    await office.tell(key, at_s=60)
    ends = Instant(office.clock.now() + 1_000)
    async with office.browser(None) as asked:
        asked.headers["Authorization"] = f"Bearer {program_token('crm', expires_at=ends)}"
        assert (await asked.get("/history")).status_code == 200
        await office.tell(structs.replace(key, version=2, issued_at=Instant(BEGIN + 1)), at_s=70)
        assert_shape(await asked.get("/history"), 401, "token_refused")
        again = program_token("crm", issued_at=Instant(BEGIN + 1), expires_at=ends)
        asked.headers["Authorization"] = f"Bearer {again}"
        assert (await asked.get("/history")).status_code == 200
        office.clock.advance(1)
        assert_shape(await asked.get("/history"), 401, "token_refused")


def program_token(token_id: str, issued_at: Instant = BEGIN, expires_at: Instant | None = None) -> str:
    """A key for programs, as the directory signs it."""
    claims = Claims(
        organization_id=NORTH,
        use=TokenUse.PROGRAM,
        token_id=token_id,
        issued_at=issued_at,
        expires_at=expires_at,
    )
    return sign(claims, TOKEN_KEYS)


@pytest.mark.rule("P6")
async def test_a_token_of_another_use_or_key_or_one_that_is_over_opens_nothing(
    office: HistoryHarness,
) -> None:
    """A refresh token is for the directory; a forged one is for nobody."""
    made = Claims(organization_id=NORTH, use=TokenUse.ACCESS, agent_id=BORIS, issued_at=BEGIN)
    for token in (
        sign(structs.replace(made, use=TokenUse.REFRESH), TOKEN_KEYS),
        sign(made, SigningKeys.generate()),
        sign(structs.replace(made, expires_at=BEGIN), TOKEN_KEYS),
        "nonsense",
    ):
        async with office.browser(None) as asked:
            asked.headers["Authorization"] = f"Bearer {token}"
            assert_shape(await asked.get("/history"), 401, "token_refused")
