"""Files that are not office files, or are hostile: an error with line and remedy, no traceback."""

import copy
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringback import connect
from ringback.apply.run import main
from tests.unit.tools.offices import PLAIN

TOLD = re.compile(r"^\S*office\.yaml:(\d+): (error|warning): .{10,}\. \S.*\Z")

BOMB = (
    "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(9))
    + PLAIN
)

FILES: dict[str, tuple[bytes, int]] = {
    "aliases that unfold to a billion": (BOMB.encode(), 1),
    "an alias of itself": (PLAIN.encode() + b"notices: &n {a: *n}\n", 20),
    "a list in itself": (b"organization: &o [*o]\n", 1),
    "nested beyond all depth": (PLAIN.encode() + b"notices: " + b"[" * 20_000, 20),
    "nested as lines beyond all depth": (b"a:\n" + b"".join(b" " * n + b"a:\n" for n in range(1, 1200)), 40),
    "ten megabytes": (b"x: " + b"y" * 10_000_000, 1),
    "a key twice": (PLAIN.replace("pbxs:", "organization: {}\npbxs:").encode(), 5),
    "not UTF-8": (PLAIN.encode("utf-8").replace("Ветер".encode(), b"\xff\xfe\xfa"), 3),
    "UTF-16": (PLAIN.encode("utf-16"), 1),
    "control characters": (PLAIN.replace("Ветер", "Ве\x07тер").encode(), 3),
    "no bytes": (b"", 1),
    "only spaces": (b"  \n \n", 1),
    "a text": (b"hello\n", 1),
    "a list": (b"- organization\n- pbxs\n", 1),
    "a number": (b"17\n", 1),
    "two documents": (PLAIN.encode() + b"---\n" + PLAIN.encode(), 20),
    "a tag of Python's": (b"organization: !!python/object/apply:os.system ['true']\n", 1),
    "an unknown alias": (PLAIN.encode() + b"notices: *nothing\n", 20),
    "a tab": (b"organization:\n\tid: x\n", 2),
    "a key that is a list": (PLAIN.encode() + b"? [a, b]\n: c\n", 20),
    "a merge": (PLAIN.encode() + b"<<: {organization: x}\n", 20),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, 1),
    "numbers beyond all digits": (
        PLAIN.replace("extension: 300", f"extension: 300\n    wrap_up: {'9' * 6000}").encode(),
        18,
    ),
    "an upload whose name is too long": (
        PLAIN.encode() + f"    notices: {{welcome: {{uploaded: {'x' * 5000}.wav}}}}\n".encode(),
        20,
    ),
    "an upload with a NUL in its name": (
        PLAIN.encode() + b'    notices: {welcome: {uploaded: "a\\0b.wav"}}\n',
        20,
    ),
}


def _applied(tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    file = tmp_path / "office.yaml"
    file.write_bytes(data)
    status = main([str(file), "--dry-run"])
    return status, capsys.readouterr().err.splitlines()


@pytest.fixture(autouse=True)
def _no_log_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test here may reach a running log."""
    monkeypatch.delenv("RINGBACK_KAFKA", raising=False)
    monkeypatch.setattr(connect, "ENV_FILE", tmp_path / "no stack was started")


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_office_is_refused_with_its_line(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The author of such a file has an editor, but no debugger."""
    data, line = FILES[what]
    status, said = _applied(tmp_path, data, capsys)
    assert status == 1
    assert said, "nothing was said"
    assert len(said) < 200
    for each in said:
        assert len(each) < 2_000
        assert TOLD.match(each), each
    first = TOLD.match(said[0])
    assert first is not None
    assert int(first[1]) == line, said[0]


WRONG: tuple[Any, ...] = (
    None, "", " ", "x" * 4000, "\x85", "-1", "0", "99999999999999999999", "1e9", "NaN", "9999-12-31",
    "2026-02-30", "25:00", "24:00", "00:00-00:00", "да", [], ["x", "x"], [[]], {}, {"": ""},
    {"name": {"name": "x"}},
    "{position}", "../../x", "a\r\nBcc: b@c", "<b>", "sip:", "+7", "112", [None], "Mars/Olympus",
)  # fmt: skip


def _spoiled(chance: random.Random, data: Any) -> Any:
    """The office with one to three of its parts replaced, removed or misplaced."""
    office = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        at: Any = office
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(at[key], dict | list) and at[key] and chance.random() < 0.8:
                at = at[key]
                continue
            match chance.randrange(4):
                case 0 if isinstance(at, dict):
                    del at[key]
                case 1 if isinstance(at, dict):
                    at[str(chance.choice(("", "name", "uploaded", "1", "x" * 300)))] = chance.choice(WRONG)
                case _:
                    at[key] = chance.choice(WRONG)
            break
    return office


@pytest.mark.parametrize("source", ["plain", "example"])
def test_an_office_with_anything_wrong_is_applied_or_refused_in_words(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong types, absurd values and missing parts in all combinations."""
    example = Path(__file__).parents[2] / "examples" / "office.yaml"
    text = PLAIN if source == "plain" else example.read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    for seed in range(120 if source == "plain" else 40):
        spoiled = yaml.safe_dump(_spoiled(random.Random(seed), data), allow_unicode=True)
        try:
            status, said = _applied(tmp_path, spoiled.encode(), capsys)
        except Exception as error:
            raise AssertionError(f"seed {seed}:\n{spoiled}") from error
        assert all(TOLD.match(each) for each in said), (seed, said)
        assert status == (1 if any(": error: " in each for each in said) else 0), (seed, said)
