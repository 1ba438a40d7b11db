"""Every route, role, own and other department and organization, as the table of rights says (P1 to P6)."""

from typing import Final

import pytest
from httpx import AsyncClient, Response
from msgspec import Struct, structs

from contracts import rights
from contracts.directory import RightsSaved, Role, TokenSaved
from contracts.ids import AgentId, DepartmentId
from contracts.rights import Action, Person, Subject
from runtime.tokens import Claims, TokenUse, sign
from tests.integration.history.harness import KEY, SOUTH, HistoryHarness, an_office
from tests.unit.history.stories import ANNA, BEGIN, BORIS, NORTH, SALES, SERVICE, VERA

PERIOD: Final = {"since_at": 1_799_999_000_000, "until_at": 1_800_001_000_000}


class Thing(Struct, frozen=True, kw_only=True):
    """A contact with its voice message and recording, and whose it is."""

    leg: str
    departments: frozenset[DepartmentId] = frozenset()
    agents: frozenset[AgentId] = frozenset()
    is_internal: bool = False
    is_elsewhere: bool = False
    has_recording: bool = True

    def subject(self) -> Subject:
        """As the table of rights sees it."""
        organization = SOUTH if self.is_elsewhere else NORTH
        return Subject(organization_id=organization, agents=self.agents, departments=self.departments)


THINGS: Final = (
    Thing(leg="in.sales", departments=frozenset({SALES})),
    Thing(leg="in.service", departments=frozenset({SERVICE})),
    Thing(leg="in.inside", departments=frozenset({SALES}), is_internal=True),
    Thing(leg="in.anna", agents=frozenset({ANNA}), has_recording=False),
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


def may(person: Person, action: Action, thing: Thing) -> bool:
    """What the table says; internal calls have a line of their own."""
    if thing.is_internal and rights.reach(person, Action.HISTORY_READ_INTERNAL) is None:
        return False
    return rights.allows(person, action, thing.subject())


OF_ONE: Final[dict[tuple[str, str], tuple[Action, str]]] = {
    ("get", "/history/{contact_id}"): (Action.HISTORY_READ, "/history/{leg}"),
    ("get", "/history/{contact_id}/why"): (Action.HISTORY_READ, "/history/{leg}/why"),
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
    ("post", "/voice-messages/{voice_message_id}/called-back"): (
        Action.MESSAGE_HEAR,
        "/voice-messages/vm.{leg}/called-back",
    ),
    ("delete", "/voice-messages/{voice_message_id}"): (Action.MESSAGE_DELETE, "/voice-messages/vm.{leg}"),
}
OF_ALL: Final = {
    ("get", "/history"),
    ("get", "/history.csv"),
    ("get", "/statistics"),
    ("get", "/voice-messages"),
    ("post", "/erase"),
}


@pytest.mark.rule("P1", "P2", "P3", "P4", "P6", "O1", "O6", "V5", "R1")
@pytest.mark.parametrize(
    "saved", ROLES, ids=lambda saved: f"{saved.role}-{saved.sees_organization}-{saved.may_hear}"
)
async def test_every_route_obeys_the_table_of_rights(
    harness_on_both: HistoryHarness, saved: RightsSaved
) -> None:
    """Without the right the answer is 403, and is recorded; what another organization has is 404."""
    harness = harness_on_both
    await an_office(harness, saved)
    person = person_of(saved)
    async with harness.browser(ANNA) as asked:
        await _lists(asked, person)
        for (method, _), (action, address) in OF_ONE.items():
            for thing in THINGS:
                if "recordings" in address and not thing.has_recording:
                    continue
                before = len(harness.refusals())
                answer = await asked.request(method, address.format(leg=thing.leg))
                wanted = expected(person, action, thing)
                assert answer.status_code == wanted, (method, address, thing, answer.text)
                assert len(harness.refusals()) - before == (1 if wanted == 403 else 0), (address, thing)
        answer = await asked.post("/erase", json={"number": "+79165550001"})
        assert answer.status_code == (200 if rights.reach(person, Action.ERASE) else 403)


def expected(person: Person, action: Action, thing: Thing) -> int:
    """The status that the table wants."""
    if rights.reach(person, action) is None:
        return 403
    if thing.is_elsewhere:
        return 404
    return 200 if may(person, action, thing) else 403


async def _lists(asked: AsyncClient, person: Person) -> None:
    contacts = {each.leg for each in THINGS if may(person, Action.HISTORY_READ, each)}
    listed = await asked.get("/history")
    assert {row["contact_id"] for row in listed.json()["rows"]} == contacts
    for wanted, legs in (
        ({"department": SALES}, {each.leg for each in THINGS if SALES in each.departments}),
        ({"department": f"{SALES},{SERVICE}"}, {each.leg for each in THINGS if each.departments}),
        ({"employee": ANNA}, {each.leg for each in THINGS if ANNA in each.agents}),
    ):
        listed = await asked.get("/history", params=wanted)
        assert {row["contact_id"] for row in listed.json()["rows"]} == contacts & legs, wanted
    messages = {f"vm.{each.leg}" for each in THINGS if may(person, Action.MESSAGE_HEAR, each)}
    listed = await asked.get("/voice-messages")
    assert {each["voice_message_id"] for each in listed.json()["messages"]} == messages
    table = await asked.get("/history.csv")
    downloads = rights.reach(person, Action.HISTORY_DOWNLOAD) is not None
    assert table.status_code == (200 if downloads else 403)
    if downloads:
        assert len(table.text.splitlines()) == 1 + len(contacts)
    figures = await asked.get("/statistics", params=PERIOD)
    if rights.reach(person, Action.STATISTICS_READ) is None:
        assert figures.status_code == 403
    else:
        seen = {each["department_id"] for each in figures.json()["departments"]}
        assert seen == {
            department
            for department in (SALES, SERVICE)
            if rights.allows(
                person,
                Action.STATISTICS_READ,
                Subject(organization_id=NORTH, departments=frozenset({department})),
            )
        }


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


def program_token(token_id: str) -> str:
    """A key for programs, as the directory signs it."""
    claims = Claims(organization_id=NORTH, use=TokenUse.PROGRAM, token_id=token_id, issued_at=BEGIN)
    return sign(claims, KEY)


@pytest.mark.rule("P6")
async def test_a_token_of_another_use_or_key_or_one_that_is_over_opens_nothing(
    office: HistoryHarness,
) -> None:
    """A refresh token is for the directory; a forged one is for nobody."""
    made = Claims(organization_id=NORTH, use=TokenUse.ACCESS, agent_id=BORIS, issued_at=BEGIN)
    for token in (
        sign(structs.replace(made, use=TokenUse.REFRESH), KEY),
        sign(made, "another key of thirty-two bytes!!"),
        sign(structs.replace(made, expires_at=BEGIN), KEY),
        "nonsense",
    ):
        async with office.browser(None) as asked:
            asked.headers["Authorization"] = f"Bearer {token}"
            assert_shape(await asked.get("/history"), 401, "token_refused")
