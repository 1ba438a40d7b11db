"""A customer is erased at any second of a callback: nobody says or dials the number from then on (V6)."""

import pytest

from contracts.history import CustomerErased
from tests.interplay.company import Company
from tests.interplay.test_calling_again import CUSTOMER, OTHER, sales
from tests.unit.queue.stories import ANNA, MINUTE, SECOND

pytestmark = pytest.mark.rule("V6")


def a_second_passes(company: Company, second: int, *, answers_after: int, busy_until: int) -> None:
    """Everybody does what people do: Anna answers, the customer answers late, talks, and hangs up."""
    company.waits(SECOND)
    if second == 1:
        company.calls("busy", OTHER)
    if second == 3:
        company.calls("c1", CUSTOMER)
    if second == 36 and "c1" in company.phones:
        company.presses("c1")
    if second == 40 and "c1" in company.phones:
        company.ends("c1")
    if second == busy_until and "busy" in company.phones:
        company.ends("busy")
    if company.is_rung(ANNA) and company.agent_leg(ANNA) in company.phones and second % 3 == 0:
        company.answers(ANNA)
    for leg_id in company.customer_legs():
        rung_at = next(at for at, each in company.commands if getattr(each, "leg_id", "") == leg_id)
        rung_s = (company.at - rung_at) // SECOND
        if rung_s == answers_after:
            company.picks_up(leg_id)
        elif rung_s == answers_after + 20:
            company.ends(leg_id)


@pytest.mark.parametrize("busy_until", [45, 200], ids=["attempt", "apology"])
@pytest.mark.parametrize("answers_after", [2, 50])
@pytest.mark.parametrize("erased_at", range(3, 240, 3))
def test_whenever_a_customer_is_erased_the_number_is_neither_said_nor_dialled_nor_kept(
    erased_at: int, answers_after: int, busy_until: int
) -> None:
    """And agents are free, and nothing waits, in the end."""
    company = sales(ANNA, no_answer_ms=90 * SECOND)
    for second in range(1, 300):
        a_second_passes(company, second, answers_after=answers_after, busy_until=busy_until)
        if second == erased_at:
            facts, commands = len(company.log) + 1, len(company.commands)
            company.hears(CustomerErased(number=CUSTOMER, erasure_id="e1"))
    for leg_id in list(company.phones):
        if leg_id in company.phones:
            company.ends(leg_id)
    company.waits(30 * MINUTE)
    # A dial that was on its way is the PBX's to name; callback has told it to hang up.
    assert CUSTOMER not in repr([each for each in company.log[facts:] if each[1] != "world"])
    assert CUSTOMER not in repr(company.commands[commands:])
    for state in (company.queue, company.callback):
        assert CUSTOMER not in repr([list(table) for table in state.tables.values()])
    assert not company.queue.places
    assert not company.callback.callbacks
    assert company.is_free(ANNA)
