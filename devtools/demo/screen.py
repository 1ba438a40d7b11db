"""Shows the morning: on a terminal a live timeline with places and agents, else plain lines."""

import io
import re
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.ids import Instant
from devtools.demo.promise import Promise
from devtools.demo.timeline import Line, Timeline

LINES_KEPT: Final = 200
LINES_MIN: Final = 16
FRAMES_PER_SECOND: Final = 6
SVG_COLUMNS: Final = 134
"""Wide enough for the longest line of the timeline and of the places."""
SVG_LINES: Final = 38
FONT_FACE: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Screen:
    """Shows a timeline as it happens; use with `with`."""

    def __init__(self, timeline: Timeline, console: Console) -> None:
        self._story = timeline
        self._console = console
        self._lines: deque[tuple[str, str, str]] = deque(maxlen=LINES_KEPT)
        self._headline = ""
        self._live = (
            Live(console=console, refresh_per_second=FRAMES_PER_SECOND, screen=False, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is None:
            return
        self._live.stop()
        # The live picture disappears; the timeline stays in the terminal's history.
        for clock, text, style in self._lines:
            self._console.print(Text(f"{clock}  {text}", style=style))

    def headline(self, text: str) -> None:
        """The current situation in one sentence."""
        self._headline = text
        if self._live is None:
            self._say(f"       {text}")
        self.refresh(None)

    def tell(self, line: Line) -> None:
        """Print a line of the timeline."""
        self._add(self._clock(line.at), line.text, line.style)

    def _add(self, clock: str, text: str, style: str) -> None:
        self._lines.append((clock, text, style))
        if self._live is None:
            self._say(f"{clock}  {text}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def refresh(self, now_at: Instant | None) -> None:
        """Redraw the picture."""
        if self._live is not None:
            self._live.update(self.picture(now_at, max(LINES_MIN, self._console.height - 1)))

    def _clock(self, at: Instant) -> str:
        begun_at = self._story.begun_at
        return "  --" if begun_at is None or at < begun_at else f"{(at - begun_at) / 1000:5.1f}"

    def picture(self, now_at: Instant | None, height: int) -> RenderableType:
        """The whole screen as of now, so many lines high; later facts do not change it."""
        layout = Layout(size=height)
        layout.split_row(Layout(name="left", ratio=3), Layout(name="right", ratio=2))
        text = Text("\n").join(
            Text(f"{clock}  {said}", style=style, no_wrap=True, overflow="ellipsis")
            for clock, said, style in list(self._lines)[-(height - 2) :]
        )
        layout["left"].update(Panel(text, title="the log", border_style="dim"))
        layout["right"].split_column(
            Layout(Panel(self._places(now_at), title="places", border_style="dim"), ratio=3),
            Layout(Panel(self._agents(), title="agents", border_style="dim"), ratio=2),
            Layout(Panel(Text(self._headline), border_style="dim"), size=3),
        )
        return layout

    def _places(self, now_at: Instant | None) -> Table:
        table = Table(box=None, expand=True)
        for column in ("", "customer", "condition"):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        table.add_column("left", justify="right", no_wrap=True)
        for position, place in enumerate(self._story.waiting(), start=1):
            left_s = "" if now_at is None else f"{(place.deadline_at - now_at) / 1000:.0f} s"
            style = "magenta" if place.is_callback else "cyan"
            table.add_row(str(position), place.who, Text(place.condition, style=style), left_s)
        ended = [place for place in self._story.places.values() if place.end is not None]
        for place in ended:
            name = type(place.end).__name__.removeprefix("Place").lower()
            table.add_row("", place.who, Text(name, style="dim"), "")
        return table

    def _agents(self) -> Table:
        table = Table(box=None, expand=True)
        for column in ("agent", "condition"):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        for agent in self._story.agents.values():
            style = {"free": "green", "unreachable": "red"}.get(agent.condition, "yellow")
            table.add_row(f"{agent.name} ({agent.pbx})", Text(agent.condition, style=style))
        return table


def save_svg(picture: RenderableType, path: Path) -> None:
    """Write a picture as SVG that loads nothing, not even a font."""
    console = Console(
        record=True, file=io.StringIO(), width=SVG_COLUMNS, height=SVG_LINES, force_terminal=True
    )
    console.print(picture)
    text = FONT_FACE.sub("", console.export_svg(title="make demo", unique_id="demo"))
    path.write_text(text, encoding="utf-8")


def show_summary(console: Console, kept: list[Promise], counted: list[tuple[str, str]]) -> None:
    """Show the promises with their marks, and the numbers, all from the log."""
    console.print()
    for promise in kept:
        sign = Text("✓", style="bold green") if promise.is_kept else Text("✗", style="bold red")
        shown = Text(f" ({promise.shown})" if promise.shown else "", style="dim")
        console.print(Text.assemble(sign, " ", promise.text, shown), soft_wrap=True)
    console.print()
    table = Table(title="counted on the log", title_justify="left", box=None, show_header=False)
    for name, number in counted:
        table.add_row(name, number)
    console.print(table)
