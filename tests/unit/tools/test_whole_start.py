"""A start that fails leaves nothing running behind it."""

import pytest

from ringback.stack.whole_start import WholeStart


class Two(WholeStart):
    """Starts two things, of which the second may be missing."""

    def __init__(self, *, has_second: bool) -> None:
        self.has_second = has_second
        self.runs: list[str] = []

    def _start(self) -> None:
        self.runs.append("first")
        if not self.has_second:
            raise KeyboardInterrupt
        self.runs.append("second")

    def _stop(self) -> None:
        self.runs.clear()


def test_a_start_that_fails_or_is_interrupted_ends_what_it_has_begun() -> None:
    two = Two(has_second=False)
    with pytest.raises(KeyboardInterrupt), two:
        pytest.fail("nothing is used that has not started")
    assert two.runs == []


def test_all_of_it_runs_until_the_end_of_the_with() -> None:
    with Two(has_second=True) as two:
        assert two.runs == ["first", "second"]
    assert two.runs == []
