"""The checks bite: each violation, planted into a copy of the tree, is found and named."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools import defaults
from devtools.rules import proofs, read_rules
from tests.tidy import checks, citations, patterns

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree without what is generated or not Python's business."""
    ignore = shutil.ignore_patterns("__pycache__", "schemas", "*.wav")
    for package in ("contracts", "runtime", "services", "ringback", "devtools", "tools", "requirements"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    return tmp_path


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """One service and what it stands on: enough for checks that look at one file at a time."""
    for package in ("contracts", "runtime", "services/queue", "requirements"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("schemas"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _name(value: object) -> str:
    """A parameter in a test's name: what is planted would fill a screen."""
    return getattr(value, "__name__", "") or str(value).strip().partition("\n")[0][:40]


def _plant(tree: Path, name: str, text: str) -> Path:
    """Append to a file of the copy, made with its package when it is not there."""
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.parent.name == "services":
        (path.parent / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + text)
    return path


def _run(tree: Path, *argv: str) -> tuple[bool, str]:
    """Run a checker in the copy: whether it was content, and what it said, without line breaks of layout."""
    done = subprocess.run([sys.executable, *argv], cwd=tree, check=False, capture_output=True, text=True)
    return done.returncode == 0, " ".join((done.stdout + done.stderr).split())


def _lint_imports(tree: Path) -> tuple[bool, str]:
    return _run(tree, "-c", LINT_IMPORTS, "--no-cache")


def _forbidden_modules() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return list(
        next(contract for contract in contracts if contract["type"] == "forbidden")["forbidden_modules"]
    )


@pytest.mark.parametrize(
    "place",
    [
        "contracts/planted.py",
        "runtime/decision.py",
        "runtime/records.py",
        "services/queue/decider.py",
        "services/queue/rules.py",
        "services/queue/state.py",
    ],
    ids=_name,
)
def test_each_forbidden_import_in_pure_code_is_named(tree: Path, place: str) -> None:
    """A decider that reads a clock or does I/O can't be replayed, and a replay is how we recover."""
    modules = _forbidden_modules()
    _plant(tree, place, "\n".join(f"import {module}" for module in modules))
    is_content, said = _lint_imports(tree)
    importer = place.removesuffix(".py").replace("/", ".")
    missed = [module for module in modules if f"{importer} -> {module} " not in said]
    assert not is_content
    assert not missed, said[-3000:]


@pytest.mark.parametrize(
    ("place", "text", "named"),
    [
        ("contracts/planted.py", "import runtime.records", "contracts.planted -> runtime.records"),
        ("runtime/records.py", "import services.queue", "runtime.records -> services.queue"),
        ("services/queue/service.py", "import devtools.rules", "services.queue.service -> devtools.rules"),
        (
            "services/queue/service.py",
            "import services.callback",
            "services.queue.service -> services.callback",
        ),
        (
            "services/queue/rules.py",
            "import services.queue.state\nimport services.queue.decider",
            "-> services",
        ),
        (
            "services/queue/state.py",
            "import services.queue.rules",
            "services.queue.state -> services.queue.rules",
        ),
        ("services/queue/decider.py", "import services.queue.settings", "-> services.queue.settings"),
        ("services/queue/settings.py", "import services.queue.service", "-> services.queue.service"),
        ("services/queue/service.py", "import services.queue.__main__", "-> services.queue.__main__"),
        ("services/queue/activities.py", "import services.queue.api", "-> services.queue.api"),
        ("runtime/host/outbox.py", "import runtime.kafka_log", "runtime.host.outbox -> runtime.kafka_log"),
        ("runtime/host/outbox.py", "import runtime.app", "runtime.host.outbox -> runtime.app"),
        (
            "services/routing/decider/calls.py",
            "import services.routing.decider.legs",
            "No cycles are allowed in services.routing.decider.",
        ),
        ("services/queue/planted.py", "", "- services.queue.planted"),
        ("runtime/planted.py", "", "- runtime.planted"),
    ],
    ids=_name,
)
def test_an_import_against_the_layers_or_a_file_without_a_place_is_named(
    tree: Path, place: str, text: str, named: str
) -> None:
    """The diagram in pyproject is true, and stays true, only if this holds."""
    for line in text.splitlines():
        imported = Path(*line.removeprefix("import ").split("."))
        if not (tree / imported).is_dir():
            _plant(tree, f"{imported}.py", "")
        elif not (tree / imported / "__init__.py").exists():
            _plant(tree, f"{imported}/__init__.py", "")
    _plant(tree, place, text)
    is_content, said = _lint_imports(tree)
    assert not is_content
    assert named in said, said[-3000:]


LONG_FUNCTION = "def planted() -> None:\n" + "    print()\n" * 60
BRANCHY_FUNCTION = "def planted(x: int) -> None:\n" + "    if x:\n        print()\n" * 11
BRANCHY_MATCH = "def planted(x: int) -> None:\n    match x:\n" + "".join(
    f"        case {n}:\n            print()\n            print()\n" for n in range(11)
)


@pytest.mark.parametrize(
    ("check", "place", "text"),
    [
        (checks.long_modules, "runtime/planted.py", "\n" * 500),
        (checks.large_functions, "devtools/planted.py", LONG_FUNCTION),
        (checks.large_functions, "services/queue/planted.py", BRANCHY_FUNCTION),
        (checks.large_functions, "services/queue/planted.py", BRANCHY_MATCH),
        (checks.names_that_say_nothing, "runtime/helpers.py", ""),
        (checks.names_that_say_nothing, "services/queue/call_utils.py", ""),
        (checks.names_that_say_nothing, "devtools/common/planted.py", ""),
        (
            checks.clock_readings,
            "services/queue/decider.py",
            "import datetime\nX = datetime.datetime.now()\n",
        ),
        (checks.clock_readings, "contracts/planted.py", "from datetime import date\nX = date.today()\n"),
        (checks.set_iterations, "services/queue/rules.py", "X = [x for x in {1, 2}]\n"),
        (checks.set_iterations, "services/queue/state.py", "for x in set((1, 2)):\n    pass\n"),
        (checks.misplaced_async, "services/queue/decider.py", "async def planted() -> None: ...\n"),
        (checks.misplaced_async, "contracts/planted.py", "async def planted() -> None: ...\n"),
        (checks.imports_of_tests, "runtime/planted.py", "from tests.parts import x\n"),
        (checks.service_shapes, "services/planted.py", ""),
        (checks.service_shapes, "services/queue/planted.py", ""),
        (checks.service_shapes, "services/planted/__init__.py", ""),
        (checks.countries, "services/history/api/requests.py", 'X = "RU"\n'),
        (checks.countries, "services/tts/rules/text_normalization.py", 'def f(region="DE"): ...\n'),
        (checks.named_addresses, "requirements/base.txt", "--index-url https://registry.example/simple\n"),
        (checks.told_secrets, "runtime/settings.py", 'class Planted:\n    relay_key: str = ""\n'),
        (
            checks.told_secrets,
            "services/queue/settings.py",
            'class Planted:\n    relay: str = ""\n    """`relay://user:password@host`."""\n',
        ),
        (
            checks.told_secrets,
            "services/queue/settings.py",
            'class Planted:\n    relay: str = Field(default="", repr=False)\n',
        ),
        (checks.addresses_by_their_beginning, "runtime/text.py", 'X = "".startswith(("https://", "x"))\n'),
        (checks.addresses_by_their_beginning, "runtime/text.py", 'X = "http://localhost" in "y"\n'),
    ],
    ids=_name,
)
def test_an_untidy_thing_is_found(
    small_tree: Path, check: Callable[[Path], list[str]], place: str, text: str
) -> None:
    """Each check of the house bites where it should."""
    before = set(check(small_tree))
    _plant(small_tree, place, text)
    assert set(check(small_tree)) - before


@pytest.mark.parametrize("word", sorted(checks.FORBIDDEN_WORDS))
def test_a_word_the_glossary_forbids_is_found_in_contracts_and_deciders(small_tree: Path, word: str) -> None:
    """One thing, one word: two would soon be two things."""
    _plant(small_tree, "contracts/planted.py", f"class Planted:\n    {word}_id: int\n")
    _plant(small_tree, "services/queue/decider.py", f"def _on_{word}s() -> None: ...\n")
    found = "\n".join(checks.forbidden_words(small_tree))
    assert f"{word}_id" in found
    assert f"_on_{word}s" in found


def test_a_dispatching_match_may_be_long(tree: Path) -> None:
    """The exception that style.md makes: one line per fact, however many facts there are."""
    cases = "".join(f"        case {n}:\n            return {n}\n" for n in range(40))
    _plant(tree, "services/queue/planted.py", f"def planted(x: int) -> int:\n    match x:\n{cases}")
    assert not [line for line in checks.large_functions(tree) if "planted" in line]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("try:\n    print()\nexcept Exception:\n    pass\n", "BLE001"),
        ("import faststream\nX = faststream.AckPolicy.ACK\n", "TID251"),
        ("import boto3\nX = boto3.client\n", "TID251"),
        ("import aiokafka\nX = aiokafka.AIOKafkaConsumer\n", "TID251"),
        ("from aiokafka import AIOKafkaProducer\nX = AIOKafkaProducer\n", "TID251"),
        ("from aiokafka.admin import AIOKafkaAdminClient\nX = AIOKafkaAdminClient\n", "TID251"),
        ("from faststream.kafka import KafkaBroker\nX = KafkaBroker\n", "TID251"),
        ("import datetime\nX = datetime.datetime.now()\n", "DTZ005"),
        ("def planted() -> int:\n    return 1\n", "D103"),
    ],
    ids=_name,
)
def test_ruff_refuses_what_style_forbids(tree: Path, text: str, code: str) -> None:
    """Any exception caught elsewhere; policies that lose records; a client of S3; naive time; no words."""
    _plant(tree, "services/queue/activities.py", text)
    is_content, said = _run(tree, "-m", "ruff", "check", "--no-cache", "services/queue/activities.py")
    assert not is_content
    assert code in said


def test_mypy_refuses_a_function_without_types(tree: Path) -> None:
    """Strict means strict in every room."""
    _plant(tree, "services/planted/rules.py", "def planted(x):\n    return x\n")
    is_content, said = _run(tree, "-m", "mypy", "--cache-dir=/dev/null", "services/planted/rules.py")
    assert not is_content
    assert "no-untyped-def" in said


@pytest.mark.parametrize(
    ("place", "text", "named"),
    [
        ("services/queue/rules/planted.py", '"""Five seconds (planted.md)."""\n', "planted.md: no such page"),
        ("services/queue/rules/planted.py", "X = 'see docs/planted.md'\n", "docs/planted.md: no such page"),
        ("services/queue/rules/planted.py", "# As runtime/planted.py.\n", "runtime/planted.py: no such file"),
        ("docs/tutorial.md", "Look into `devtools/planted`.\n", "devtools/planted: no such file"),
        ("docs/security.md", "`tests/tidy/test_tidy.py::test_planted`\n", "test_planted: no such test"),
        ("pyproject.toml", "# See planted.md.\n", "planted.md: no such page"),
        (
            "services/queue/rules/planted.py",
            "# See docs/operating.md, «Planted».\n",
            "docs/operating.md has no section «Planted»",
        ),
        ("services/queue/rules/planted.py", '"""Whose turn it is (Q1, Q99)."""\n', "Q99: docs/rules.md has"),
        ("services/queue/rules/planted.py", "X = 1  # as C98 wants it\n", "C98: docs/rules.md has"),
        ("services/queue/rules/planted.py", '"""Whose turn it is (Z1)."""\n', "Z1: docs/rules.md has"),
        ("services/queue/rules/planted.py", '"""Whose turn it is (Z-8)."""\n', "Z-8: nothing has such ids"),
        ("tests/unit/planted.py", "def test_m99_nothing() -> None: ...\n", "M-99: docs/edge-cases.md has"),
        ("docs/tutorial.md", "As V9 promises.\n", "V9: docs/rules.md has"),
        ("services/queue/rules/planted.py", '"""Row EC-999."""\n', "EC-999: docs/edge-cases.md has"),
        ("docs/tutorial.md", "The row EC-999.\n", "EC-999: docs/edge-cases.md has"),
        ("services/queue/rules/planted.py", '"""As decision 0999 says."""\n', "decision 0999: no such"),
        ("docs/decisions/0999-planted.md", "# Planted\n", "README.md: 0999 is missing"),
        ("docs/tutorial.md", "[a page](planted/page.md)\n", "the link to planted/page.md leads nowhere"),
        (
            "services/queue/README.md",
            "[why](../docs/rules.md)\n",
            "the link to ../docs/rules.md leads nowhere",
        ),
        ("docs/tutorial.md", "[a place](operating.md#planted)\n", "that page has no such heading"),
        ("docs/tutorial.md", "[a place](#planted)\n", "that page has no such heading"),
    ],
    ids=_name,
)
def test_a_citation_of_what_is_not_there_is_found(tmp_path: Path, place: str, text: str, named: str) -> None:
    """A stranger follows a citation, and it must lead somewhere."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    before = set(citations.dead(tmp_path))
    _plant(tmp_path, place, text)
    assert [line for line in set(citations.dead(tmp_path)) - before if named in line]


def test_a_marker_that_names_an_unknown_rule_is_found(tree: Path) -> None:
    """Else a typing error would turn a proof into nothing."""
    shutil.copytree(ROOT / "docs", tree / "docs")
    _plant(
        tree, "tests/test_planted.py", 'import pytest\n@pytest.mark.rule("C99")\ndef test_x() -> None: ...\n'
    )
    assert [rule for rule, _ in proofs(tree) if rule not in read_rules(tree)] == ["C99"]


def test_a_page_of_defaults_that_says_something_else_is_found(tree: Path) -> None:
    """The page is read by people who can't read the code."""
    page = (ROOT / "docs" / "defaults.md").read_text(encoding="utf-8")
    (tree / "docs").mkdir()
    (tree / "docs" / "defaults.md").write_text(page.replace("| 10 min |", "| 9 min |"), encoding="utf-8")
    (found,) = defaults.GENERATED.stale(tree)
    assert "`no_answer_ms`" in found
    assert "| 10 min |" in found


@pytest.mark.parametrize(
    "text",
    [
        r'NAME = r"^[A-Z]{2}$"',
        r'NAME = rf"^{LETTER}{{2}}$"',
        r'Name = Annotated[str, Meta(pattern="[a-z]+$")]',
        r'is_name = re.match("[a-z]+$", text)',
        r'NAME = re.compile(r"[a-z]+$|[0-9]+")',
        r'NAME = re.compile(r"[]$]$")',
    ],
)
def test_a_pattern_that_lets_a_line_feed_pass_is_found(small_tree: Path, text: str) -> None:
    """«Bob» with a line feed is another name in a header of a letter."""
    before = patterns.loose_ends(small_tree)
    _plant(small_tree, "contracts/planted.py", text)
    assert before == []
    [found] = patterns.loose_ends(small_tree)
    assert found.startswith("contracts/planted.py:2: ")


@pytest.mark.parametrize(
    "text",
    [
        r'PRICE = re.compile(r"[$€] ?\d+")',
        r'PRICE = re.compile(r"\$\d+")',
        r'NAME = rf"^[a-z]+{END}"',
        r'HEADING = re.compile("^#+ (.+)$", re.MULTILINE)',
        r'SCORE = re.compile("(?m)^score (.+)$")',
    ],
)
def test_a_dollar_that_ends_no_text_is_none(small_tree: Path, text: str) -> None:
    """A sign of money, and the end of a line."""
    _plant(small_tree, "contracts/planted.py", text)
    assert patterns.loose_ends(small_tree) == []
