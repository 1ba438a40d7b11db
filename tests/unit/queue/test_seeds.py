"""Many busy mornings: the toy world with weighted choices, which go further than plain chance.

`SEEDS=400 pytest tests/unit/queue/test_seeds.py` for a long look; a failure names its seed.
"""

import os
import random
from typing import Any

import pytest

from contracts import queue
from contracts.callback import Origin
from contracts.gateway import DeviceState, Outcome
from tests.unit.queue import test_stateful as world
from tests.unit.queue import toy
from tests.unit.queue.stories import MINUTE, MOSCOW, VOLGA

SEEDS = int(os.environ.get("SEEDS", "10"))
STEPS = 200
SECONDS = (0, 1, 1, 4, 5, 5, 5, 10, 10, 20, 20, 30, 60, 240)
PHONE_STATES = (*(DeviceState.IDLE,) * 6, *DeviceState)
OUTCOMES = (
    *toy.LOST,
    *(Outcome.COMPLETED,) * 8,
    *(Outcome.DECLINED,) * 5,
    *(Outcome.NO_ANSWER,) * 3,
)
KEYS = ("is_answered", *("presses_1",) * 6, "hangs_up")

Act = tuple[int, str, dict[str, Any]]


def acts(r: random.Random) -> tuple[Act, ...]:
    """What may happen next, each with its weight."""
    number = r.randrange(51)
    agent_id, line, is_gone = r.choice(toy.AGENTS), r.choice(toy.LINES), r.random() < 0.7
    return (
        (
            10,
            "a_customer_calls",
            {"caller": r.choice(toy.CUSTOMERS), "line": line, "ok": True},
        ),
        (8, "a_customer", {"number": number, "what": r.choice(KEYS)}),
        (3, "a_customer_calls_again", {"number": number}),
        (
            12,
            "a_caller_orders",
            {"number": number, "hangs_up": is_gone, "customer": toy.CUSTOMERS[1]},
        ),
        (12, "an_agent_answers", {"number": number, "is_bridged": r.random() < 0.7}),
        (4, "an_agents_phone_reports", {"number": number, "what": r.choice(toy.NOISE)}),
        (6, "an_agents_leg_ends", {"number": number, "outcome": r.choice(OUTCOMES)}),
        (5, "a_phone_changes", {"agent_id": agent_id, "state": r.choice(PHONE_STATES)}),
        (6, "a_command_is_answered", {"number": number}),
        (5, "a_notice_is_heard", {"number": number}),
        (1, "a_late_fact", {"number": number}),
        (1, "a_pbx_vanishes_or_returns", {"pbx_id": r.choice((MOSCOW, VOLGA)), "is_lost": r.random() < 0.3}),
        (4, "callback_takes_an_order", {"number": number, "customer": r.choice(toy.CUSTOMERS[1:3])}),
        (
            1,
            "callback_has_an_order_without_a_call",
            {
                "number": number,
                "customer": r.choice(toy.CUSTOMERS[1:3]),
                "origin": r.choice((Origin.API, Origin.ABANDONED)),
                "minutes": r.choice((4, 900)),
            },
        ),
        (3, "callback_takes_no_order", {"number": number, "is_refused": r.random() < 0.5}),
        (2, "callback_confirms_the_first", {"number": number}),
        (3, "an_attempt_fails", {"number": number, "retry_ms": r.choice((MINUTE, MINUTE, None))}),
        (3, "an_agent_is_lost", {"number": number, "is_first": r.random() < 0.5}),
        (2, "a_customer_is_held", {"number": number}),
        (2, "a_callback_is_connected", {"number": number}),
        (1, "a_callback_ends", {"number": number, "kind": r.choice(world.ENDS)}),
        (2, "a_department_changes", a_change(r)),
        (2, "an_agents_time_changes", {"agent_id": agent_id, "what": r.choice((*world.TIMES, "always"))}),
        (1, "an_agents_card_changes", {"agent_id": agent_id, "is_removed": r.random() < 0.2}),
        (1, "the_policy_changes", {"is_on": r.random() < 0.8}),
        (16, "time_passes", {"seconds": r.choice(SECONDS if r.random() < 0.5 else (1, 3, 5))}),
        (1, "another_process_takes_over", {}),
    )


def a_change(r: random.Random) -> dict[str, Any]:
    """A random new department card: strategy, suspended agents, action; sometimes a removal."""
    return {
        "kind": r.choice(toy.STRATEGIES),
        "suspended": r.sample(toy.AGENTS, r.randrange(3)),
        "wanted": r.choice(world.ACTIONS),
        "is_removed": r.random() < 0.1,
    }


@pytest.mark.rule("Q2", "Q3", "Q9", "Q12")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_the_checks_hold(seed: int) -> None:
    """Every place ends once, no agent has two offers, and no customer is overtaken or forgotten."""
    r = random.Random(seed)
    morning = world.World()
    morning.an_office(
        kind=r.choice(toy.STRATEGIES),
        wrap_up_s=r.choice((0, 3)),
        limit=r.choice((None, None, 3)),
        misses=r.choice((None, 1, 2)),
        legs=r.choice((None, 1, 3)),
    )
    for _ in range(STEPS):
        possible = acts(r)
        _, name, values = r.choices(possible, [weight for weight, _, _ in possible])[0]
        getattr(morning, name)(**values)
    morning.teardown()
    assert morning.office.said(queue.PlaceTaken)
