"""Plants each bug in turn and finds the first morning that shows it (`make sim-mutants`)."""

import logging
import sys
import time

import msgspec
import pytest
import structlog
from rich.console import Console
from rich.table import Table

from tests.sim import case_mutants, mutants
from tests.sim.fault_profiles import (
    FaultProfile,
    in_a_deploy,
    in_a_storm,
    on_a_day_of_dropped_callbacks,
    on_a_day_of_erasures,
    on_a_day_of_late_deciders,
    on_a_day_of_lowered_limits,
    on_a_day_of_shared_rings,
    on_a_day_of_talks_during_attempts,
    under_two_hash_seeds,
    with_a_frail_gateway,
    with_clocks_ahead,
    with_gateways_that_are_cut_off,
    with_gateways_that_come_and_go,
    with_gateways_that_die,
    with_gateways_that_lose_a_pbx_as_it_records,
    with_gateways_that_read_late,
    with_gateways_that_sleep,
    with_lost_machines,
    with_lost_machines_in_a_deploy,
    with_parking,
)
from tests.sim.mutants import MUTANTS, Patch

SEEDS_MAX = 60
"""If sixty mornings with its fault profile do not show a bug, the simulation can't find it."""


SHOWS_IN: dict[Patch, FaultProfile] = {
    mutants.say_before_storing: in_a_deploy,
    mutants.a_claim_that_decides_what_the_log_already_says: with_lost_machines_in_a_deploy,
    mutants.facts_of_a_step_sent_singly: with_lost_machines,
    mutants.timer_due_appended_once: with_clocks_ahead,
    mutants.a_parked_organization_that_shares_its_numbering: with_parking,
    mutants.dial_before_reading_the_request_back: with_a_frail_gateway,
    mutants.a_gateway_that_ignores_a_newer_claim: with_a_frail_gateway,
    mutants.a_gateway_that_sends_past_a_failed_fact: with_a_frail_gateway,
    mutants.a_gateway_that_keeps_what_it_lost: with_gateways_that_come_and_go,
    mutants.a_command_that_counts_as_done_when_it_is_left: with_gateways_that_come_and_go,
    mutants.a_successor_that_fetches_no_recording: with_gateways_that_die,
    mutants.a_gateway_that_asks_before_the_log_shows_that_it_may: with_gateways_that_are_cut_off,
    mutants.a_gateway_that_does_not_notice_that_it_slept: with_gateways_that_read_late,
    mutants.a_set_iterated: under_two_hash_seeds,
    case_mutants.m3_a_place_that_is_first_for_ever: on_a_day_of_dropped_callbacks,
    case_mutants.m7_a_talk_during_an_attempt_that_ends_no_callback: on_a_day_of_talks_during_attempts,
    case_mutants.m13_a_step_that_any_end_frees: on_a_day_of_shared_rings,
    case_mutants.m15_an_agent_left_alone_with_a_second_order: on_a_day_of_late_deciders,
    case_mutants.m16_a_leg_that_was_over_before_it_was_spoken_of: on_a_day_of_late_deciders,
    case_mutants.m17_a_bridge_taken_apart_by_who_was_away: on_a_day_of_late_deciders,
    case_mutants.m19_an_erased_customer_against_whom_nothing_stands: on_a_day_of_erasures,
    case_mutants.m20_an_erased_number_that_is_taken_up_again: on_a_day_of_erasures,
    case_mutants.m21_a_command_dropped_by_who_has_lost_the_pbx: with_gateways_that_read_late,
    case_mutants.m22_a_customer_who_is_dialled_after_a_talk_because_queue_is_away: (
        on_a_day_of_talks_during_attempts
    ),
    case_mutants.m23_a_customer_of_whose_calls_only_the_newest_counts: on_a_day_of_late_deciders,
    case_mutants.m24_a_recording_given_up_since_its_leg_is_gone: with_gateways_that_lose_a_pbx_as_it_records,
    case_mutants.m25_a_recording_that_is_lost_because_no_list_has_it: with_gateways_that_sleep,
    case_mutants.m26_a_timer_that_nobody_waits_for: on_a_day_of_erasures,
    case_mutants.m28_a_limit_that_counts_for_who_is_beyond_it: on_a_day_of_lowered_limits,
    case_mutants.m29_a_leg_that_is_nobodys_when_one_callback_lets_go_of_it: on_a_day_of_dropped_callbacks,
    case_mutants.m30_a_leg_that_is_held_although_it_is_over: on_a_day_of_dropped_callbacks,
}
"""Fault profiles of bugs that a storm would show too seldom."""
KEPT: dict[Patch, int] = {
    case_mutants.m3_a_place_that_is_first_for_ever: 249,
    case_mutants.m11_an_apology_however_late: 281,
    case_mutants.m18_a_key_that_comes_too_late_and_is_met_with_silence: 245,
    case_mutants.m23_a_customer_of_whose_calls_only_the_newest_counts: 242,
    case_mutants.m25_a_recording_that_is_lost_because_no_list_has_it: 134,
    case_mutants.m27_a_talk_that_outlives_its_attempt: 249,
    case_mutants.m29_a_leg_that_is_nobodys_when_one_callback_lets_go_of_it: 244,
    case_mutants.m30_a_leg_that_is_held_although_it_is_over: 433,
}
"""A morning that shows a bug which one in a hundred shows; it is played first."""


class Betrayal(msgspec.Struct, frozen=True):
    """Where a planted bug showed, and how."""

    seed: int
    weather: str
    wrong: str


def betrayed(mutant: Patch, seeds_max: int = SEEDS_MAX) -> Betrayal | None:
    """The first seed whose morning shows the bug, or None. An exception shows it, too."""
    play = SHOWS_IN.get(mutant, in_a_storm)
    kept = (KEPT[mutant],) if mutant in KEPT else ()
    for seed in (*kept, *range(1, seeds_max + 1)):
        with pytest.MonkeyPatch.context() as patch:
            mutant(patch)
            try:
                found = play(seed, mutant.__name__)
            except Exception as error:  # noqa: BLE001  # whatever a planted bug does to us
                found = [repr(error)]
        if found:
            return Betrayal(seed, play.__name__.replace("_", " "), found[0])
    return None


def main(names: list[str]) -> int:
    """Run all mutants, or those whose names contain one of the given words; 1 if any is not found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    table = Table("planted bug", "found by", "after", "as", title="Planted bugs")
    missed = 0
    for mutant in MUTANTS:
        if names and not any(name in mutant.__name__ for name in names):
            continue
        started = time.monotonic()
        found = betrayed(mutant)
        missed += found is None
        took = f"{time.monotonic() - started:.0f} s"
        name = mutant.__name__.replace("_", " ")
        console.print(
            f"{name}: {'not found' if found is None else f'seed {found.seed}, {found.weather}'} ({took})"
        )
        if found is None:
            table.add_row(name, "[red]nothing", took, "")
        else:
            table.add_row(name, f"seed {found.seed}, {found.weather}", took, found.wrong[:70])
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
