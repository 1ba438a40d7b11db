"""The tree is tidy: no check of tests/tidy finds anything."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools import defaults, security_events
from devtools.rules import proofs, read_rules
from runtime.security_events import SecurityEvent
from tests.tidy import checks, citations, patterns

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "check",
    [
        checks.long_modules,
        checks.large_functions,
        checks.forbidden_words,
        checks.names_that_say_nothing,
        checks.clock_readings,
        checks.set_iterations,
        checks.misplaced_async,
        checks.imports_of_tests,
        checks.service_shapes,
        checks.named_addresses,
        checks.addresses_by_their_beginning,
        checks.countries,
        checks.told_secrets,
        citations.dead,
        patterns.loose_ends,
    ],
)
def test_nothing_is_found_by(check: Callable[[Path], list[str]]) -> None:
    found = check(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_every_marker_names_a_rule_that_exists() -> None:
    """A proof of a rule that nobody knows proves nothing."""
    known = read_rules(ROOT)
    unknown = [f"{test} names {rule}" for rule, test in proofs(ROOT) if rule not in known]
    assert not unknown, "\n".join(unknown)


def test_the_page_of_rules_has_every_rule_once_and_in_order() -> None:
    """A rule that fell off the page would never be missed."""
    sizes = {"O": 9, "E": 8, "P": 9, "D": 7, "S": 4, "Q": 13, "C": 16, "V": 8, "R": 1, "T": 6, "H": 7, "G": 5}
    wanted = [f"{letter}{number}" for letter, size in sizes.items() for number in range(1, size + 1)]
    assert list(read_rules(ROOT)) == wanted


def test_the_glossary_has_every_word_that_names_must_not_have() -> None:
    """Whoever is refused a word finds there which one to take."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    never = {
        word.strip() for row in page.splitlines() for word in row.rpartition(" | ")[2].strip(" |").split(",")
    }
    assert {word.lower() for word in never} >= checks.FORBIDDEN_WORDS


def test_the_committed_schemas_are_those_of_the_messages() -> None:
    """Other teams build on contracts/schemas: a stale file there is a wrong promise."""
    argv = [sys.executable, "-m", "devtools", "schemas", "--check"]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_of_defaults_is_what_the_code_says() -> None:
    """Administrators read docs/defaults.md to know what happens when they set nothing."""
    assert not defaults.GENERATED.stale(ROOT), "\n".join(defaults.GENERATED.stale(ROOT))


def test_the_page_of_security_events_is_what_the_code_says() -> None:
    """Whoever ships the stream writes alarms by the names of docs/security-events.md."""
    assert not security_events.GENERATED.stale(ROOT), "\n".join(security_events.GENERATED.stale(ROOT))
    assert set(security_events.described()) == set(SecurityEvent), "an event has no docstring"
