"""Deciders that fall behind at a chosen moment, while customers and agents go on acting.

A process that dies is behind as well, but its death hits the few seconds that matter once in thousands of
mornings: one customer calls, presses a key and hangs up, and an agent answers, all before one decider hears
of any of it. Plans are drawn from a separate random stream, so that a seed's other calls stay the same.
"""

import random
from typing import Any, Final

from tests.sim.returning_customers import (
    AFTER_S_MAX,
    ORDERS,
    CallIn,
    Deed,
    FallBehind,
    Moment,
    OrderAgain,
    Plan,
)

CROSSED: Final = (
    (Moment.RUNG_AGAIN, "callback"),
    (Moment.WAITING, "callback"),
    (Moment.WAITING, "queue"),
    (Moment.OFFERED, "queue"),
    (Moment.OFFERED, "callback"),
    (Moment.WHISPER, "queue"),
    (Moment.WHISPER, "callback"),
    (Moment.RINGING, "queue"),
    (Moment.RINGING, "callback"),
    (Moment.ANSWERED, "queue"),
    (Moment.ANSWERED, "callback"),
    (Moment.GAP, "queue"),
    (Moment.GAP, "callback"),
    (Moment.LAST_SECONDS, "queue"),
    (Moment.LAST_SECONDS, "callback"),
    (Moment.DUE, "queue"),
    (Moment.DUE, "callback"),
    (Moment.APOLOGY, "queue"),
    (Moment.APOLOGY, "callback"),
    (Moment.APOLOGY, "voicemail"),
    (Moment.RUNG_DIRECTLY, "routing"),
)
"""What begins, and who does not hear of it for a while."""
BEHIND_S: Final = (3.0, 8.0, 20.0)
"""Shorter and longer than a ring, and than the deadlines that pass meanwhile."""
SEIZED_S: Final = 0.05
"""It stands still at once, with what has begun undone."""


def plans(chance: random.Random) -> tuple[Plan, ...]:
    """The plans of an ordinary morning: most have none."""
    return () if chance.random() >= 0.15 else tuple(each for _ in range(2) for each in crossing(chance))


def crossing(chance: random.Random) -> tuple[Plan, ...]:
    """A decider falls behind, and the customer calls in the meantime, or orders once more."""
    moment, service = chance.choice(CROSSED)
    for_s = chance.choice(BEHIND_S)
    if moment is Moment.RUNG_AGAIN:
        return (order_again(chance),)
    if moment is Moment.RUNG_DIRECTLY:
        return (direct_call(chance),)
    calls = CallIn(line=None, then=manner(chance))
    return (
        _plan(moment, SEIZED_S, FallBehind(service=service, for_s=for_s)),
        _plan(moment, chance.uniform(0.1, for_s), calls),
    )


def order_again(chance: random.Random) -> Plan:
    """A customer whose callback stands orders another, while an agent's phone rings for this call."""
    deed = OrderAgain(for_s=chance.choice(BEHIND_S), leaves_after_s=chance.uniform(0.2, 3.0))
    return _plan(Moment.RUNG_AGAIN, chance.uniform(0.1, AFTER_S_MAX[Moment.RUNG_AGAIN]), deed)


def direct_call(chance: random.Random) -> Plan:
    """Routing does not hear that an employee answered, and perhaps hung up at once: nobody was there."""
    deed = FallBehind(service="routing", for_s=chance.choice(BEHIND_S))
    return _plan(Moment.RUNG_DIRECTLY, chance.uniform(SEIZED_S, AFTER_S_MAX[Moment.RUNG_DIRECTLY]), deed)


def manner(chance: random.Random) -> tuple[dict[str, Any], ...]:
    """The customer waits for an agent, takes the standing place, orders again, or cancels the order."""
    waits = ({"wait_s": chance.uniform(0.5, 60)}, {"hang_up": True})
    takes = ({"during": "callback_exists"}, {"wait_s": chance.uniform(0.2, 4.0)}, {"press": "1"})
    cancels = (*ORDERS[:2], {"during": "order_taken"}, {"press": "0"}, {"wait_s": 4.0}, {"hang_up": True})
    return chance.choice((waits, (*takes, *waits), ORDERS, cancels))


def _plan(moment: Moment, after_s: float, deed: Deed) -> Plan:
    return Plan(moment=moment, after_s=after_s, deed=deed)
