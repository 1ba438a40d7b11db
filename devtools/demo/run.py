"""Starts everything, plays the morning, kills a service in the middle, and judges by the log.

Whoever watches it in a terminal is then shown the company that works all day, until Ctrl-C.
"""

import argparse
import asyncio
import shutil
import string
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import yaml
from rich.console import Console, RenderableType

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.codec import encode
from contracts.directory import Language
from contracts.ids import AgentId, Instant, OrganizationId, PbxId
from contracts.log import OrganizationParked
from contracts.message import Message
from contracts.prompts import Prompt, number_prompts
from devtools.demo import heard, pace, past
from devtools.demo.letters import Letter, letters, save_mp3
from devtools.demo.promise import Promise
from devtools.demo.promises import are_all_kept, counts, promises
from devtools.demo.screen import SVG_LINES, Screen, save_svg, show_summary
from devtools.demo.softphones import CUSTOMER_NUMBER, Softphones, with_agent
from devtools.demo.timeline import Line, Timeline
from devtools.live import run as live
from devtools.phone_networks import PhoneNetwork, RealPhones, SimulatedPhones, Site, pbxs_setting
from devtools.run_lock import alone
from ringback import connect
from ringback.apply import office
from ringback.apply.directory_client import URL, NotSaved, Unavailable
from ringback.apply.document import Document, read
from ringback.apply.run import save
from ringback.log import Reading
from ringback.log_reader import follow
from ringback.phones import read_script
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from ringback.stack.stack import Entry, Stack
from runtime import private_files
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

    def __init__(
        self,
        console: Console,
        planned: pace.Pace,
        killed: str,
        *,
        asterisks: RealPhones | None = None,
        softphones: Softphones | None = None,
    ) -> None:
        self.console = console
        self.pace = planned
        self.killed = killed
        self.timeline = Timeline(ORGANIZATION, killed=killed)
        self.stack = Stack(RUN, on_started=self._note, dies_with_parent=True)
        self.screen = Screen(self.timeline, console)
        self.was_killed = False
        self.picture: RenderableType | None = None
        self.asterisks = asterisks
        self.phones: PhoneNetwork = asterisks or SimulatedPhones()
        self.softphones = softphones
        self.heard: heard.Morning | None = None
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
        self.phones.start_pbxs(self.stack)
        if self.asterisks is not None and self.softphones is not None:
            self.softphones.let_in(self.asterisks, PbxId(PBXS[0]))
        pbxs = pbxs_setting(self.phones, {ORGANIZATION: PBXS})
        began = time.monotonic()
        self.stack.start_services(extra={"gateway": {"RINGBACK_PBXS": pbxs}}, not_awaited=("tts", "gateway"))
        self.pace = self.pace.on(time.monotonic() - began)
        self._filled("script.yaml")
        self.phones.start_phones(self.stack, RUN / "script.yaml", is_waiting=True)
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
                await self._apply(self._document())
                await self._until(lambda: bool(self.timeline.departments), OFFICE_S)
                await asyncio.to_thread(self.phones.control, Control(begin=True))
                await self._watch()
            finally:
                reader.cancel()

    async def _apply(self, document: Document) -> None:
        sheet, problems = office.examine(document)
        if sheet is None:
            raise NotKept("; ".join(problem.cause for problem in problems if not problem.is_warning))
        settings = {**self.stack.settings("directory"), URL: self.stack.service("directory").address}
        await asyncio.to_thread(save, settings, sheet, {})

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
            self.stack.token_keys,
            organization_id=ORGANIZATION,
            agent_id=MANAGER,
            wanted=CALLERS,
        )
        if self.asterisks is not None:
            self.heard = await asyncio.to_thread(self._listened)

    def _listened(self) -> heard.Morning:
        s3 = self.stack.parts.s3
        client = s3.client()
        return heard.listened(
            self.phones.heard(),
            script=read_script(RUN / "script.yaml"),
            fetch=lambda key: client.get_object(Bucket=s3.bucket, Key=key)["Body"].read(),
        )

    def wait_for_softphones(self, softphones: Softphones) -> NoReturn:
        """Say how to call, and go on until somebody interrupts."""
        document = read(with_agent((RUN / "office.yaml").read_text(encoding="utf-8")), "office.yaml")
        asyncio.run(self._apply(document))
        self.console.print(softphones.told(), highlight=False, markup=False, soft_wrap=True)
        while True:
            self._check_processes()
            time.sleep(FRAME_S)

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
        if self.asterisks is not None:
            promised += heard.promises(self.timeline, self.heard)
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
    if demo.heard is not None:
        heard.show(demo.console, demo.heard)
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
    return ""


def parsed(argv: list[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m devtools demo", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="the short one, for tests")
    parser.add_argument("--kill", choices=sorted(MIDDLE), default="queue", help="whom to kill in the middle")
    parser.add_argument(
        "--phones",
        choices=("simulated", "asterisk"),
        default="simulated",
        help="asterisk: two real PBXs with SIP phones, fetched on the first run",
    )
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="the first Asterisk listens at this address, too, for a softphone of yours",
    )
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
    if options.listen is not None and options.phones != "asterisk":
        print("demo: simulated phones listen nowhere: LISTEN goes with PHONES=asterisk", file=sys.stderr)
        return 1
    with alone(RUN) as is_alone:
        if not is_alone:
            print("demo: another demo is running in this folder: wait until it ends", file=sys.stderr)
            return 1
        console = Console()
        failed = _run(console, options)
    is_watched = sys.stdin.isatty() and console.is_terminal
    if failed or not is_followed(options, is_watched=is_watched):
        return failed
    console.print("\ndemo: that was the morning; now the company works on, with its console, until Ctrl-C")
    return live.main([])


def is_followed(options: argparse.Namespace, *, is_watched: bool) -> bool:
    """Whether the working company follows: somebody must be there to end it, and ask for nothing else."""
    is_plain = options.phones == "simulated" and options.svg is None
    return is_watched and is_plain and not options.fast


def _run(console: Console, options: argparse.Namespace) -> int:
    started = time.monotonic()
    shutil.rmtree(RUN, ignore_errors=True)
    private_files.own_files_only()
    private_files.folder(RUN)
    demo = _made(console, options)
    is_kept = False
    with interrupted_by_signals():
        try:
            failure = _played(demo)
            # A morning that never began can't be judged.
            is_kept = bool(demo.timeline.heard) and _show(demo, started)
            if demo.softphones is not None and not failure:
                failure = _served(demo, demo.softphones)
        finally:
            demo.stop()
    if failure or not is_kept:
        print(f"demo: {failure or 'not everything happened that was promised'}", file=sys.stderr)
        print(f"demo: everything was stopped; the logs are in {RUN / 'logs'}", file=sys.stderr)
        return 1
    if options.svg is not None and demo.picture is not None:
        save_svg(demo.picture, options.svg)
    return 0


def _made(console: Console, options: argparse.Namespace) -> Demo:
    softphones = Softphones(options.listen) if options.listen is not None else None
    elsewhere = {CUSTOMER_NUMBER: PbxId(PBXS[0])} if softphones is not None else {}
    return Demo(
        console,
        pace.FAST if options.fast else pace.USUAL,
        options.kill,
        asterisks=RealPhones(_sites(), elsewhere=elsewhere) if options.phones == "asterisk" else None,
        softphones=softphones,
    )


def _sites() -> list[Site]:
    """The PBXs of the office, each with its employees' phones and its departments."""
    found = yaml.safe_load((HERE / "office.yaml").read_text(encoding="utf-8"))

    def extensions(of: str, pbx_id: str) -> tuple[str, ...]:
        return tuple(str(each["extension"]) for each in found[of].values() if each["pbx"] == pbx_id)

    return [
        Site(PbxId(pbx_id), extensions("employees", pbx_id), extensions("departments", pbx_id))
        for pbx_id in PBXS
    ]


def _served(demo: Demo, softphones: Softphones) -> str:
    """Let somebody call until they interrupt it; what went wrong, if anything."""
    try:
        demo.wait_for_softphones(softphones)
    except KeyboardInterrupt:
        return ""
    except (StackError, NotKept, NotSaved, Unavailable) as error:
        return str(error)
