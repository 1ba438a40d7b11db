"""The lists of requirements are read whole."""

from pathlib import Path

from devtools.pins import ALL, SHIPPED, Pin, pins, shipped_names
from ringback.stack.services import ROOT

LIST = """\
Audioop_LTS==0.2.2 ; python_full_version >= '3.13' \\
    --hash=sha256:aa \\
    --hash=sha512:bb
    # via -r requirements/base.in
six==1.17.0 \\
    --hash=sha256:cc
    # via
    #   python-dateutil
    #   rfc3339-validator
"""


def test_a_pin_has_its_marker_its_hashes_and_what_needs_it(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(LIST, encoding="utf-8")
    first, second = pins("some.txt", tmp_path)
    hashes = (("sha256", "aa"), ("sha512", "bb"))
    marker = 'python_full_version >= "3.13"'
    assert first == Pin("audioop-lts", "0.2.2", marker, hashes, ("-r requirements/base.in",))
    assert second == Pin("six", "1.17.0", "", (("sha256", "cc"),), ("python-dateutil", "rfc3339-validator"))


def test_every_package_of_the_tree_is_read_with_its_hashes() -> None:
    """A package that the reader skips is neither audited nor listed."""
    found = pins(ALL)
    assert len(found) == (ROOT / ALL).read_text(encoding="utf-8").count("==") - _markers_with_two_equals()
    assert all(pin.hashes and pin.needed_by for pin in found)
    assert len({pin.name for pin in found}) == len(found)


def _markers_with_two_equals() -> int:
    return sum(pin.marker.count("==") for pin in pins(ALL))


def test_what_is_shipped_is_part_of_what_is_developed_with() -> None:
    """The lists of a bill with development packages, and of an audit, are those of dev.txt alone."""
    versions = {pin.name: pin.version for pin in pins(ALL)}
    assert shipped_names() < set(versions)
    assert all(versions[pin.name] == pin.version for pin in pins(SHIPPED))
