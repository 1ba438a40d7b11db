"""What browsers load: little, unchanged where it is others' work, and nothing inline."""

import hashlib
import re
from pathlib import Path
from typing import Final

import pytest

from services.console.activities.static_files import FOLDER, StaticFiles
from services.console.api.pages import FOLDER as TEMPLATES

CSS_BYTES_MAX: Final = 32 * 1024
VENDORED: Final = {
    "htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "hx-sse.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
    "htmx.LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}
"""htmx 4.0.1 as npm has it."""


@pytest.mark.parametrize("name", VENDORED)
def test_what_others_wrote_is_unchanged(name: str) -> None:
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == VENDORED[name]


def test_the_stylesheet_is_small() -> None:
    assert (FOLDER / "console.css").stat().st_size < CSS_BYTES_MAX


def test_an_address_changes_with_the_content() -> None:
    static = StaticFiles()
    address = static.address("console.css")
    assert re.fullmatch(r"/static/console\.[0-9a-f]{12}\.css", address)
    assert address.removeprefix("/static/") in static.files
    with pytest.raises(KeyError):
        static.address("htmx.LICENSE")


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.stem)
def test_a_template_has_nothing_that_the_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text) is None
    for script in re.findall(r"<script[^>]*>", text):
        assert " src=" in script
