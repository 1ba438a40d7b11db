"""How the doctor reads another clock."""

import time

from ringback.doctor import clock
from ringback.doctor.findings import Mark


def test_a_slow_answer_is_no_wrong_clock() -> None:
    """What it showed may have been true at any moment until the answer was here."""
    now = time.time_ns() // 1_000_000
    slow = clock.Reading(whose="Redis", before_ms=now, shown_ms=now + 100, after_ms=now + 60_000)
    fast = clock.Reading(whose="Kafka", before_ms=now, shown_ms=now - 6_000, after_ms=now + 10)
    found = clock.examine([slow, fast])
    marks = {each.what: (each.mark, each.words) for each in found.findings}
    assert marks["Redis"][0] is Mark.GREEN
    mark, words = marks["Kafka"]
    assert mark is Mark.RED
    assert "6.0 s" in words
    assert "fast" in words
