"""Whatever code and pages cite is there: pages, sections, links, files, tests, rules, edge cases, decisions.

`dead` goes from a tree to findings, as the checks of `house` do. Python is read as text: rules and files are
looked for in comments and docstrings, all else in the whole file.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from devtools.rules import read_rules
from tests.tidy.checks import PACKAGES, python_files

PLANTED: Final = "tests/tidy/test_planted.py"
"""Cites on purpose what is not there."""
OTHER_FILES: Final = ("pyproject.toml", "Makefile", "examples/*.yaml")

COMMENT: Final = re.compile(r"# .*")
RULE: Final = re.compile(r"\b([A-Z])\d{1,2}\b(?!-)")
ONLY_IDS: Final = re.compile(r"\(((?:[A-Z]\d{1,2}|EC-\d+)(?:(?:, | and | to )(?:[A-Z]\d{1,2}|EC-\d+))*)\)")
OTHER_ID: Final = re.compile(r"(?<![\w-])[A-KOQ-Z]-\d{1,3}\b")
CASE: Final = re.compile(r"(?<![\w-])(?:EC|[LMNP])-\d{1,3}\b")
TEST_OF_CASES: Final = re.compile(r"\bdef (?:test_)?((?:[lmnp]\d+_)+)")
DECISION: Final = re.compile(r"ecisions? (\d{3,})\b")
PAGE: Final = re.compile(r"[\"'][\w-]+\.md[\"']|(?<![\w./*-])((?:[\w-]+/|\.\./)*[\w-]+\.md)\b")
"""A bare name in quotes is a program's own file; all others are citations."""
SECTION: Final = re.compile(r"([\w/-]+\.md),[\s\"]*«([^»]+)»")
FILE: Final = re.compile(rf"(?<![\w./{{}}<-])((?:{'|'.join((*PACKAGES, 'docs', 'examples'))})/[\w./-]*\w)")
TEST: Final = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING: Final = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def pages(root: Path) -> Iterator[Path]:
    """Every page of the tree, sorted."""
    for path in sorted(root.iterdir()):
        if path.suffix == ".md":
            yield path
        elif path.is_dir() and not path.name.startswith("."):
            yield from sorted(path.rglob("*.md"))


def edge_cases(root: Path) -> set[str]:
    """The ids of docs/edge-cases.md."""
    page = (root / "docs" / "edge-cases.md").read_text(encoding="utf-8")
    return {
        case for ids in re.findall(r"^\| ([A-Z][^|]*) \|", page, re.MULTILINE) for case in CASE.findall(ids)
    }


def cited_cases(text: str) -> set[str]:
    """Ids in words, and in the names of tests: `test_l2_p3_…` cites L-2 and P-3."""
    names = "".join(TEST_OF_CASES.findall(text)).upper()
    return {*CASE.findall(text), *re.sub(r"([LMNP])", r"\1-", names).split("_")} - {""}


def decisions(root: Path) -> set[str]:
    """The numbers of docs/decisions."""
    return {path.name[:4] for path in (root / "docs" / "decisions").glob("[0-9]*.md")}


@lru_cache(maxsize=500)
def _headings(page: Path) -> tuple[str, ...]:
    return tuple(HEADING.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)))


def _anchor(heading: str) -> str:
    """A heading as GitHub names it in an address."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _page(root: Path, path: Path, name: str) -> Path | None:
    """The page that a file cites by this name: from the root, from docs, or beside it."""
    found = (folder / name for folder in (root, root / "docs", path.parent))
    return next((page for page in found if page.is_file()), None)


def _dead_pages(root: Path, path: Path, text: str) -> Iterator[str]:
    if ".md" not in text:
        return
    for name in PAGE.findall(text):
        if name and _page(root, path, name) is None:
            yield f"{name}: no such page"
    for name, section in SECTION.findall(text) if ".md, " in text else ():
        page = _page(root, path, name)
        if page is not None and section not in _headings(page):
            yield f"{name} has no section «{section}»"


def _dead_files(root: Path, text: str) -> Iterator[str]:
    for name in sorted(set(FILE.findall(text))):
        if not name.endswith(".md") and not (root / name).exists() and not (root / f"{name}.py").exists():
            yield f"{name}: no such file"


def _dead_tests(root: Path, text: str) -> Iterator[str]:
    for name, test in sorted(set(TEST.findall(text))):
        file = root / name
        if not file.is_file() or f"def {test}(" not in file.read_text(encoding="utf-8"):
            yield f"{name}::{test}: no such test"


def _dead_links(path: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", text)):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name) if name else path
        if not page.exists():
            yield f"the link to {target} leads nowhere"
        elif anchor and (page.is_dir() or anchor not in map(_anchor, _headings(page))):
            yield f"the link to {target}: that page has no such heading"


def _dead_rules(rules: set[str], text: str) -> Iterator[str]:
    """Ids of the rules' letters wherever they stand; ids of other letters where they stand as a citation."""
    letters = {rule[0] for rule in rules}
    cited = {match[0] for match in RULE.finditer(text) if match[1] in letters}
    cited |= {each for ids in ONLY_IDS.findall(text) for each in re.findall(r"\b[A-Z]\d+", ids)}
    yield from (f"{rule}: docs/rules.md has no such rule" for rule in sorted(cited - rules))
    yield from (f"{other}: nothing has such ids" for other in sorted(set(OTHER_ID.findall(text))))


def _remarks(text: str) -> str:
    """The docstrings and comments of a module."""
    pieces = text.split('"""')
    return "\n".join([*pieces[1::2], *(each for code in pieces[::2] for each in COMMENT.findall(code))])


def _texts(root: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, its text, the part of it in which rules and files are looked for)."""
    for path in python_files(root):
        if path.relative_to(root).as_posix() != PLANTED:
            text = path.read_text(encoding="utf-8")
            yield path, text, _remarks(text)
    for path in pages(root):
        text = path.read_text(encoding="utf-8")
        yield path, text, text
    for pattern in OTHER_FILES:
        for path in sorted(root.glob(pattern)):
            yield path, path.read_text(encoding="utf-8"), ""


def dead(root: Path) -> list[str]:
    """Citations of what is not there, and decisions that their list does not have."""
    rules, cases, known = set(read_rules(root)), edge_cases(root), decisions(root)
    _headings.cache_clear()
    found = []
    for path, text, remarks in _texts(root):
        wrong = [*_dead_pages(root, path, text), *_dead_rules(rules, remarks), *_dead_files(root, remarks)]
        wrong += [*_dead_links(path, text), *_dead_tests(root, text)] if path.suffix == ".md" else []
        wrong += [f"{case}: docs/edge-cases.md has no such case" for case in cited_cases(text) - cases]
        wrong += [f"decision {each}: no such decision" for each in set(DECISION.findall(text)) - known]
        found += [f"{path.relative_to(root).as_posix()}: {each}" for each in sorted(wrong)]
    listed = (root / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    found += [
        f"docs/decisions/README.md: {each} is missing" for each in sorted(known) if f"[{each}]" not in listed
    ]
    return found
