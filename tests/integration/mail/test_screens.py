"""Letters on a phone: nothing is wider than the screen, and buttons stand below each other (V4, E3)."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from contracts.directory import Language
from runtime.mail.letter import Letter
from tests.integration.mail.test_servers import kinds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

WIDTH = 320
CHROMIUM = (
    *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=3000", "--dump-dom"),
)
# A browser's window has a least width; a frame within it has none.
FRAME = """<body><iframe id=f width={width} height=1500 style="border:0" srcdoc="{page}"></iframe><script>
f.onload = () => {{
  const inside = f.contentDocument;
  const right = Math.max(...[...inside.querySelectorAll('*')].map(e => e.getBoundingClientRect().right));
  const tops = [...inside.querySelectorAll('.button')].map(e => e.getBoundingClientRect().top);
  const told = {{ width: Math.max(right, inside.documentElement.scrollWidth), tops: tops }};
  document.body.insertAdjacentHTML('beforeend', '<pre id=told>' + JSON.stringify(told) + '</pre>');
}}
</script></body>"""


def shown(page: str, folder: Path) -> dict[str, object]:
    """How wide a page comes out on a phone, and where its buttons are."""
    file = folder / "frame.html"
    file.write_text(FRAME.format(width=WIDTH, page=html.escape(page, quote=True)), encoding="utf-8")
    argv = [*CHROMIUM, f"--user-data-dir={folder / 'profile'}", f"file://{file}"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout
    found = re.search(r'<pre id="told">(.*?)</pre>', said)
    assert found is not None, said[-2_000:]
    told: dict[str, object] = json.loads(found[1])
    return told


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium: apt-get install chromium")
@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize("has_styles", [True, False])
@pytest.mark.parametrize("letter", kinds(Language.RUSSIAN), ids=lambda letter: letter.message_id[:12])
def test_n8_letters_at_320_pixels_are_no_wider_and_their_buttons_stack(
    letter: Letter, has_styles: bool, tmp_path: Path
) -> None:
    """Also in mail programs that drop what stands in the head."""
    page = letter.html if has_styles else re.sub(r"(?s)<style>.*?</style>", "", letter.html)
    told = shown(page, tmp_path)
    assert told["width"] == WIDTH
    tops = told["tops"]
    assert isinstance(tops, list)
    assert len(set(tops)) == len(tops)
