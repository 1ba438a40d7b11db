"""The simulation finds planted bugs; `make sim-mutants` tries all of them."""

import pytest

from tests.sim import case_mutants, mutants
from tests.sim.mutants import Patch
from tests.sim.run_mutants import betrayed

MORNINGS_MAX = 40
"""Most show within three; which morning has the crash that shows one is chance."""
QUICKLY_FOUND: tuple[Patch, ...] = (
    mutants.a_deadline_skipped,
    mutants.timer_due_dropped_as_an_own_fact,
    mutants.store_write_without_the_version,
    mutants.say_before_storing,
    mutants.a_claim_that_decides_what_the_log_already_says,
    mutants.a_parked_organization_that_shares_its_numbering,
    mutants.dial_without_a_request,
    mutants.a_gateway_that_sends_past_a_failed_fact,
    case_mutants.m7_a_talk_during_an_attempt_that_ends_no_callback,
    case_mutants.m9_a_customer_who_is_called_while_on_the_line,
    case_mutants.m15_an_agent_left_alone_with_a_second_order,
    case_mutants.m18_a_key_that_comes_too_late_and_is_met_with_silence,
    case_mutants.m20_an_erased_number_that_is_taken_up_again,
    case_mutants.m21_a_command_dropped_by_who_has_lost_the_pbx,
    case_mutants.m24_a_recording_given_up_since_its_leg_is_gone,
    case_mutants.m26_a_timer_that_nobody_waits_for,
    case_mutants.m28_a_limit_that_counts_for_who_is_beyond_it,
)


@pytest.mark.parametrize("mutant", QUICKLY_FOUND, ids=lambda mutant: mutant.__name__)
def test_a_planted_bug_is_betrayed_within_a_few_mornings(mutant: Patch) -> None:
    """A checker that can't fail proves nothing."""
    assert betrayed(mutant, seeds_max=MORNINGS_MAX) is not None
