"""The licence of each package is known and permitted; a GPL comes in by no door."""

import re
from email.message import Message

import pytest

from devtools.licence_decisions import DECLARED, LGPL_BECAUSE, PROGRAMS, Declared
from devtools.licences import GENERATED, Unclear, licence, licences, objection, refused, said
from devtools.pins import ALL, Pin, pins
from devtools.setup import SYSTEM_PROGRAMS
from ringback.stack.services import ROOT

GPL_CLASSIFIER = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
SOME_BSD = "License :: OSI Approved :: BSD License"
CALLED = {
    "etcd-server": "etcd",
    "libmime-tools-perl": "perl",
    "maven": "mvn",
    "openjdk-17-jre-headless": "java",
    "opensmtpd": "smtpd",
    "postgresql": "postgres",
}
"""How a package's program is called, where its name differs."""


def described(*fields: tuple[str, str]) -> Message:
    """A package's metadata with these fields."""
    message = Message()
    for name, value in fields:
        message[name] = value
    return message


def pin(name: str) -> Pin:
    """A pin of a package."""
    return Pin(name, "1.0", "", (), ())


def test_the_licence_of_every_package_is_permitted() -> None:
    found = licences()
    assert len(found) == len(pins(ALL))
    assert not refused(found)


def test_the_page_of_licences_is_what_the_packages_say() -> None:
    """Whoever has to judge the licences reads docs/licences.md, not the metadata."""
    assert not GENERATED.stale(ROOT), "\n".join(GENERATED.stale(ROOT))


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ([("License-Expression", "MIT OR Apache-2.0")], "MIT OR Apache-2.0"),
        (
            [("License", "BSD-3-Clause"), ("Classifier", SOME_BSD)],
            "BSD-3-Clause",
        ),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        ([("License", "MIT License\n\nCopyright (c) 2022\n\nPermission is …")], "MIT"),
        ([("License", "Apache 2.0"), ("Classifier", "Programming Language :: Python")], "Apache-2.0"),
        (
            [
                ("License", "MIT OR Apache-2.0"),
                ("Classifier", "License :: OSI Approved :: MIT License"),
                ("Classifier", "License :: OSI Approved :: Apache Software License"),
            ],
            "MIT OR Apache-2.0",
        ),
        # The expression is binding where there is one; classifiers beside it are leftovers (PEP 639).
        ([("License-Expression", "MIT"), ("Classifier", GPL_CLASSIFIER)], "MIT"),
    ],
    ids=["expression", "field", "classifier", "whole-text", "spoken", "both", "expression-wins"],
)
def test_metadata_say_the_licence(fields: list[tuple[str, str]], expression: str) -> None:
    assert said(described(*fields)) == expression


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("License", "UNKNOWN")],
        [("License", "Dual License")],
        [("Classifier", SOME_BSD)],
        [("License", "MIT"), ("Classifier", GPL_CLASSIFIER)],
        [("License", "MIT"), ("Classifier", "License :: OSI Approved :: Apache Software License")],
    ],
    ids=["nothing", "unknown", "dual", "some-bsd", "contradiction", "two-permitted"],
)
def test_metadata_that_are_silent_or_contradict_themselves_are_unclear(fields: list[tuple[str, str]]) -> None:
    """Then a person reads the licence: a guess could let a GPL in."""
    with pytest.raises(Unclear):
        said(described(*fields))


def test_a_gpl_is_refused_however_it_is_spelt() -> None:
    for spelt in ("GPL", "GPL-3.0", "GPLv3+", "AGPL-3.0-or-later"):
        try:
            expression = said(described(("License", spelt)))
        except Unclear:
            continue
        assert objection("some-package", expression) != ""


@pytest.mark.parametrize(
    ("expression", "is_permitted"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("MPL-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("GPL-2.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("SSPL-1.0", False),
        ("unknown", False),
    ],
)
def test_an_imported_package_has_no_licence_that_binds_what_imports_it(
    expression: str, is_permitted: bool
) -> None:
    assert (objection("some-package", expression) == "") is is_permitted


def test_an_lgpl_is_permitted_to_a_package_with_a_reason_alone() -> None:
    """Each is decided on: what holds for a package installed unchanged need not hold for the next."""
    (decided,) = LGPL_BECAUSE
    assert objection(decided, "LGPL-2.1-or-later") == ""
    assert "LGPL_BECAUSE" in objection("another", "LGPL-2.1-or-later")
    assert objection(decided, "GPL-2.0-or-later") != ""


def test_a_package_that_is_not_installed_needs_a_declared_licence() -> None:
    unknown = licence(pin("no-such-package"), is_shipped=True)
    assert "not installed" in unknown.refused_because
    declared = {"no-such-package": Declared("MIT", "its LICENSE")}
    assert licence(pin("no-such-package"), is_shipped=True, declared=declared).refused_because == ""


def test_a_declared_gpl_is_refused_like_any_other() -> None:
    declared = {"no-such-package": Declared("GPL-3.0-or-later", "its LICENSE")}
    found = licence(pin("no-such-package"), is_shipped=False, declared=declared)
    assert "GPL-3.0-or-later is not permitted" in found.refused_because


def test_a_declaration_that_the_metadata_contradict_is_refused() -> None:
    """A package that changes its licence must not hide behind what was read years ago."""
    declared = {"msgspec": Declared("MIT", "its LICENSE")}
    found = licence(pin("msgspec"), is_shipped=True, declared=declared)
    assert "its metadata say BSD-3-Clause now" in found.refused_because


def test_nothing_is_declared_of_a_package_that_is_gone() -> None:
    names = {each.name for each in pins(ALL)}
    assert set(DECLARED) | set(LGPL_BECAUSE) <= names


def test_every_program_of_the_setup_is_among_the_separate_programs() -> None:
    """Whoever adds a program says its licence, and where it is started as a process."""
    needed = {package for package, _ in SYSTEM_PROGRAMS.values()} | {"libmime-tools-perl"}
    assert needed <= set(PROGRAMS)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_separate_program_is_started_where_the_list_says(name: str) -> None:
    program = PROGRAMS[name]
    started = (ROOT / program.started_by).read_text(encoding="utf-8")
    assert re.search(r"subprocess|Process\(|run\(", started)
    assert CALLED.get(name, name) in started


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_the_licence_of_a_separate_program_is_an_spdx_expression(name: str) -> None:
    assert "no SPDX expression" not in objection(name, PROGRAMS[name].licence)
