"""Starts everything, plays the morning, kills a service in the middle, and judges by the log."""

import argparse
import asyncio
import json
import shutil
import string
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console, RenderableType

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.codec import encode
from contracts.directory import Language
from contracts.ids import AgentId, Instant, OrganizationId
from contracts.log import OrganizationParked
from contracts.message import Message
from contracts.prompts import Prompt, number_prompts
from devtools.demo import pace, past
from devtools.demo.letters import Letter, letters, save_mp3
from devtools.demo.promise import Promise
from devtools.demo.promises import are_all_kept, counts, promises
from devtools.demo.screen import SVG_LINES, Screen, save_svg, show_summary
from devtools.demo.timeline import Line, Timeline
from ringback import connect
from ringback.apply import office
from ringback.apply.directory_client import URL, NotSaved, Unavailable
from ringback.apply.document import Document, read
from ringback.apply.run import save
from ringback.log import Reading
from ringback.log_reader import follow
from ringback.phones import control
from ringback.stack.process import StackError, free_port
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from ringback.stack.stack import Entry, Stack
from runtime.ports import LogUnavailable
from services.gateway.simulated.wire import Control
from services.history.rules.history_row import Row

HERE: Final = Path(__file__).parent
RUN: Final = ROOT / ".run" / "demo"
ORGANIZATION: Final = OrganizationId("severny-veter")
PBXS: Final = ("cloud", "second")
OFFICE_S: Final = 120
SETTLE_S: Final = 1.5
"""How long to read on after the last promise was kept: repeats come within this time."""
FRAME_S: Final = 0.2
CALLERS: Final = tuple(f"+7900000010{number}" for number in range(1, 6))
"""The callers in script.yaml."""
MANAGER: Final = AgentId("gusev")
PROMPTS_NEEDED: Final = (
    *Prompt,
    *(f"position_{number}" for number in range(1, 5)),
    *(f"wait_{minutes}" for minutes in range(1, 6)),
    "waited_1",
    "waited_2",
    *(prompt for number in CALLERS for prompt in number_prompts(Language.RUSSIAN, number)),
)
"""The prompts that the morning plays; a play with a missing prompt would fail."""


MIDDLE: Final[dict[str, tuple[type[Message], int]]] = {
    "queue": (c.CallbackOrdered, 2),
    "callback": (c.CustomerDialled, 1),
    "gateway": (g.Bridged, 1),
    "voicemail": (v.RecordingAsked, 1),
}
"""When each service is killed: at the most dangerous moment. The queue with two callbacks ordered and two
customers on the line, callback while a customer's phone rings, the gateway during a call, voicemail during a
recording."""


class NotKept(Exception):
    """The morning did not go as promised."""


class Demo:
    """One run: its stack, its timeline, its screen."""

    def __init__(self, console: Console, planned: pace.Pace, killed: str) -> None:
        self.console = console
        self.pace = planned
        self.killed = killed
        self.timeline = Timeline(ORGANIZATION, killed=killed)
        self.stack = Stack(RUN, on_started=self._note, dies_with_parent=True)
        self.screen = Screen(self.timeline, console)
        self.was_killed = False
        self.picture: RenderableType | None = None
        self._phones_port = free_port()
        self._records = (RUN / "log.jsonl").open("w", encoding="utf-8")
        self._newest_at = Instant(0)
        self._told_at = 0.0
        self.past: list[Row] = []

    def start(self) -> None:
        """Start everything, and wait until it is ready."""
        self.screen.headline("starting broker, Redis, mail server and S3 …")
        self.stack.start_parts()
        self.stack.create_topics()
        self.screen.headline("starting services, each a process of its own …")
        address = f"tcp://127.0.0.1:{self._phones_port}"
        pbxs = json.dumps(dict.fromkeys(PBXS, address))
        began = time.monotonic()
        self.stack.start_services(extra={"gateway": {"RINGBACK_PBXS": pbxs}}, not_awaited=("tts", "gateway"))
        self.pace = self.pace.on(time.monotonic() - began)
        self._filled("script.yaml")
        self.stack.start_phones(RUN / "script.yaml", self._phones_port, is_waiting=True)
        self.stack.service("gateway").wait_ready()
        self.screen.headline("speech is making the standard prompts …")
        # The first start makes hundreds of prompts, and the morning needs few of them.
        self.stack.await_prompts(self.stack.service("tts"), PROMPTS_NEEDED)

    async def play(self) -> None:
        """Play from the first call to the last letter, or until nothing more comes."""
        settings = self.stack.settings()
        async with connect.log(settings) as log, asyncio.TaskGroup() as group:
            partition = await connect.partition_of(ORGANIZATION, log)
            reader = group.create_task(follow(log, partition, self._hear))
            try:
                self.screen.headline("the office is applied: the directory saves and says it …")
                await self._apply()
                await asyncio.to_thread(control, self._phones_port, Control(begin=True))
                await self._watch()
            finally:
                reader.cancel()

    async def _apply(self) -> None:
        sheet, problems = office.examine(self._document())
        if sheet is None:
            raise NotKept("; ".join(problem.cause for problem in problems if not problem.is_warning))
        settings = {**self.stack.settings("directory"), URL: self.stack.service("directory").address}
        await asyncio.to_thread(save, settings, sheet, {})
        await self._until(lambda: bool(self.timeline.departments), OFFICE_S)

    async def _watch(self) -> None:
        self.screen.headline("the phones ring")
        self._told_at = time.monotonic()
        while not are_all_kept(self.timeline) and time.monotonic() - self._told_at < self.pace.silence_s:
            if not self.was_killed and self._is_the_middle():
                self._kill()
            self._check_processes()
            self.screen.refresh(self._newest_at)
            if self.picture is None and self.timeline.all(c.CustomerAnswered):
                self.picture = self.screen.picture(self._newest_at, SVG_LINES)
            await asyncio.sleep(FRAME_S)
        await asyncio.sleep(SETTLE_S)
        self.screen.refresh(self._newest_at)
        self.past = await asyncio.to_thread(
            past.asked,
            self.stack.service("history").address,
            self.stack.token_key,
            organization_id=ORGANIZATION,
            agent_id=MANAGER,
            wanted=CALLERS,
        )

    def _is_the_middle(self) -> bool:
        kind, times = MIDDLE[self.killed]
        return len(self.timeline.all(kind)) >= times

    def _kill(self) -> None:
        self.was_killed = True
        held = len(self.timeline.waiting())
        service = self.stack.service(self.killed)
        service.kill()
        killed = f"kill -9 of {self.killed} while {held} places are open; it is started again"
        self.screen.tell(Line(self._newest_at, killed, "bold red"))
        service.start()

    def _check_processes(self) -> None:
        """End the demo, with the last lines of the log, if a process has ended by itself."""
        for entry in self.stack.entries:
            if not entry.process.is_alive():
                raise StackError(f"{entry.name} has ended by itself; {entry.process.last_words()}")
        for each in self.timeline.all(OrganizationParked):
            raise NotKept(self.timeline.words.told(each.fact) or "an organization is parked")

    async def _until(self, is_so: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline:
                raise NotKept("the office's facts can't be read back from the log")
            await asyncio.sleep(FRAME_S)

    def _hear(self, reading: Reading) -> None:
        self._newest_at = max(self._newest_at, reading.at)
        if reading.fact is not None:
            about = {"offset": reading.offset, "at": reading.at, **msgspec.structs.asdict(reading.envelope)}
            about["message"] = msgspec.Raw(encode(reading.fact))
            self._records.write(msgspec.json.encode(about).decode() + "\n")
        known = len(self.timeline.heard)
        line = self.timeline.hear(reading)
        if len(self.timeline.heard) > known:
            self._told_at = time.monotonic()
        if line is not None and self._is_followed(reading.fact):
            self.screen.tell(line)

    @staticmethod
    def _is_followed(fact: Message | None) -> bool:
        """Whether to show a sentence: a few only repeat the one before, and the log's file has them."""
        return not isinstance(fact, q.PlaceClosed | q.AgentFreed | v.LetterDue)

    def judged(self) -> tuple[list[Promise], Letter | None]:
        """The promises, including that of the letter's MP3, and the letter itself."""
        kept = promises(self.timeline)
        stored = [each.fact for each in self.timeline.all(v.MessageStored)]
        hashes = {fact.mp3_sha256 for fact in stored if isinstance(fact, v.MessageStored)}
        found = [each for each in letters(RUN / "letters") if each.mp3_sha256 in hashes]
        text = "the letter that arrived carries the very MP3 that was stored"
        shown = f"{found[0].mp3_name}, {found[0].mp3_bytes} bytes" if found else ""
        promised = [*kept, past.promise(self.past, CALLERS), Promise(text, bool(found), shown)]
        return promised, found[0] if found else None

    def stop(self) -> None:
        """End all that was started."""
        self.stack.stop()
        self._records.close()

    def _document(self) -> Document:
        text = self._filled("office.yaml")
        return read(text, str(RUN / "office.yaml"))

    def _filled(self, name: str) -> str:
        """A file of the demo with this pace's times, saved in the run's folder for inspection."""
        template = string.Template((HERE / name).read_text(encoding="utf-8"))
        text = template.substitute(self.pace.times())
        (RUN / name).write_text(text, encoding="utf-8")
        return text

    def _note(self, entry: Entry) -> None:
        self.screen.headline(f"{entry.name} is ready")


def _show(demo: Demo, started: float) -> bool:
    """Show the summary; whether every promise was kept."""
    kept, letter = demo.judged()
    past.show(demo.console, demo.past)
    show_summary(demo.console, kept, counts(demo.timeline))
    told = demo.console.print
    told(f"\nwhole run   {time.monotonic() - started:.0f} s", highlight=False)
    if letter is not None:
        told(f"letter      {letter.path}", highlight=False, soft_wrap=True)
        told(f"its MP3     {save_mp3(letter, RUN)}", highlight=False, soft_wrap=True)
    told(f"the log     {RUN / 'log.jsonl'}", highlight=False, soft_wrap=True)
    told(f"processes   {RUN / 'logs'}", highlight=False, soft_wrap=True)
    told(
        "where next  CONTRIBUTING.md (the packages) · docs/conversations.md (who says what when) · make up",
        highlight=False,
    )
    return all(promise.is_kept for promise in kept)


def _played(demo: Demo) -> str:
    """Run the morning from the first process to the last; what went wrong, if anything."""
    try:
        with demo.screen:
            demo.start()
            asyncio.run(demo.play())
    except KeyboardInterrupt:
        return "interrupted"
    except (StackError, NotKept, LogUnavailable, NotSaved, Unavailable) as error:
        return str(error)
    except BaseExceptionGroup as errors:
        return "; ".join(str(error) or repr(error) for error in errors.exceptions)
    finally:
        demo.stop()
    return ""


def parsed(argv: list[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m devtools demo", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="the short one, for tests")
    parser.add_argument("--kill", choices=sorted(MIDDLE), default="queue", help="whom to kill in the middle")
    parser.add_argument(
        "--svg",
        type=Path,
        metavar="PATH",
        help="write a picture of the screen, when the first callback is answered",
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the demo and judge it."""
    options = parsed(argv)
    console = Console()
    started = time.monotonic()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    demo = Demo(console, pace.FAST if options.fast else pace.USUAL, options.kill)
    with interrupted_by_signals():
        failure = _played(demo)
    # A morning that never began can't be judged.
    is_kept = bool(demo.timeline.heard) and _show(demo, started)
    if failure or not is_kept:
        print(f"demo: {failure or 'not everything happened that was promised'}", file=sys.stderr)
        print(f"demo: everything was stopped; the logs are in {RUN / 'logs'}", file=sys.stderr)
        return 1
    if options.svg is not None and demo.picture is not None:
        save_svg(demo.picture, options.svg)
    return 0
