"""The picture of the demo that README.md shows."""

import io
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from devtools.demo import run
from devtools.demo.screen import SVG_LINES, Screen, save_svg
from devtools.demo.timeline import Line
from tests.unit.tools.demo_log import MORNING, story_of

UNTIL_S = 32.0
"""The first callback's customer and the agent talk."""
ROOT = Path(__file__).parents[3]


def _shown(picture: str) -> str:
    texts = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # our own
    return "\n".join("".join(text.itertext()) for text in texts).replace("\u00a0", " ")


@pytest.fixture
def picture(tmp_path: Path) -> str:
    timeline = story_of(*(each for each in MORNING if each[0] <= UNTIL_S))
    screen = Screen(timeline, Console(file=io.StringIO()))
    for heard in timeline.heard:
        told = timeline.words.told(heard.fact)
        if told is not None:
            screen.tell(Line(heard.at, told, "cyan"))
    path = tmp_path / "demo.svg"
    save_svg(screen.picture(timeline.heard[-1].at, SVG_LINES), path)
    return path.read_text(encoding="utf-8")


def test_the_picture_tells_the_log_the_places_and_the_agents(picture: str) -> None:
    """A reader of README.md sees what `make demo` shows, in the same words."""
    shown = _shown(picture)
    assert "…0101 orders a callback and keeps the place" in shown
    assert "callback: +7…0101 and Gusev talk, 30 s after joining" in shown
    assert all(title in shown for title in ("the log", "places", "agents"))
    assert "callback: the place is kept" in shown
    assert "Beglova (cloud)" in shown


def test_the_picture_loads_nothing_and_names_no_folder_of_the_machine(picture: str) -> None:
    """It is on a public page."""
    assert "url(http" not in picture
    assert "@font-face" not in picture
    assert str(ROOT) not in picture


def test_make_passes_the_path_of_the_picture_on() -> None:
    """`make demo SVG=docs/demo.svg` is how the picture in README.md is made."""
    argv = ["make", "--no-print-directory", "--dry-run", "demo", "FAST=1", "SVG=docs/demo.svg"]
    recipe = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    words = recipe.strip().splitlines()[-1].split()
    options = run.parsed(words[words.index("demo") + 1 :])
    assert (options.fast, options.svg) == (True, Path("docs/demo.svg"))
