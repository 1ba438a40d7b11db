"""How long a customer waited: the one definition, for rows, letters, statistics, tables and «why».

A wait begins when the customer joins the department (`joined_at`: the claim that stands, where there were
two, C8). It ends with what ended it:

* an agent and the customer hear each other;
* the customer hangs up, or withdraws the callback;
* nobody came: at the deadline, however long the apology, the letter or the last ring took after that.
"""

from contracts.ids import Instant


def wait_ended_at(ended_at: Instant, deadline_at: Instant | None = None) -> Instant:
    """When a wait ended; `deadline_at` only where nobody came: an answer after it counts as it is (C5)."""
    return ended_at if deadline_at is None else min(ended_at, deadline_at)


def waited_ms(joined_at: Instant, ended_at: Instant, deadline_at: Instant | None = None) -> int:
    """How long; `deadline_at` as of `wait_ended_at`."""
    return max(0, wait_ended_at(ended_at, deadline_at) - joined_at)
