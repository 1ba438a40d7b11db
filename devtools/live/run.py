"""Starts everything, and lets the company's day happen again and again until Ctrl-C."""

import argparse
import random
import shutil
import sys
import time
from typing import Final, NoReturn

import msgspec
import yaml
from rich.console import Console

from contracts.prompts import Prompt
from devtools.live import company, day
from devtools.live.company import CLOUD, GROUPS, ORGANIZATION, SECOND
from devtools.live.logins import PASSWORD, Logins
from devtools.phone_networks import SimulatedPhones, pbxs_setting
from devtools.run_lock import alone
from ringback.apply import office
from ringback.apply.directory_client import URL, NotSaved, Unavailable
from ringback.apply.document import read
from ringback.apply.run import save
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from ringback.stack.stack import Entry, Stack
from runtime import private_files
from services.gateway.simulated.wire import Control

RUN: Final = ROOT / ".run" / "live"
SEED: Final = 1
WATCHED_EVERY_S: Final = 1.0
PROMPTS_NEEDED: Final = (*Prompt, *(f"position_{number}" for number in range(1, 10)))
"""Without them the first callers would hear nothing; speech makes the others while they talk."""


class Company:
    """The running company."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stack = Stack(RUN, on_started=self._note, dies_with_parent=True)
        self._phones = SimulatedPhones()
        self._logins: Logins | None = None
        self._at_lunch: set[int] = set()

    def start(self) -> None:
        """Start all parts and services, save the office, and say where to look."""
        stack = self._stack
        stack.start_parts()
        stack.create_topics()
        pbxs = pbxs_setting(self._phones, {ORGANIZATION: (CLOUD, SECOND)})
        stack.start_services(extra={"gateway": {"RINGBACK_PBXS": pbxs}}, not_awaited=("tts", "gateway"))
        stack.start_services(("console",))
        script = RUN / "script.json"
        script.write_bytes(msgspec.json.encode(company.phones(random.Random(SEED))))
        self._phones.start_phones(stack, script)
        self._save_office()
        stack.service("gateway").wait_ready()
        self._say("speech makes the standard prompts, once")
        stack.await_prompts(stack.service("tts"), PROMPTS_NEEDED)
        self._prepare_logins()

    def work(self) -> NoReturn:
        """Let days happen, each a little different, until somebody interrupts."""
        number = 0
        while True:
            self._work_a_day(random.Random(SEED + number))
            number += 1

    def stop(self) -> None:
        """End everything."""
        if self._logins is not None:
            self._logins.close()
        self._stack.stop()

    def _work_a_day(self, chance: random.Random) -> None:
        began = time.monotonic()
        stretch: day.Stretch | None = None
        is_away = False
        for arrival in day.arrivals(chance):
            self._wait_until(began + arrival.at_s)
            now = day.stretch_at(arrival.at_s)
            if now is not stretch:
                self._say(now.what)
                self._send_to_lunch(now.at_lunch)
                stretch = now
            if not is_away and arrival.at_s >= day.AWAY_AT_S:
                is_away = True
                self._say(f"the PBX {day.AWAY_PBX} goes away for {day.AWAY_S:.0f} s")
                self._phones.control(Control(pbx_id=day.AWAY_PBX, vanish_s=day.AWAY_S))
            self._phones.control(Control(pbx_id=arrival.pbx_id, call=arrival.call))

    def _wait_until(self, instant: float) -> None:
        while (left_s := instant - time.monotonic()) > 0:
            for entry in self._stack.entries:
                if not entry.process.is_alive():
                    raise StackError(f"{entry.name} has ended by itself; {entry.process.last_words()}")
            time.sleep(min(left_s, WATCHED_EVERY_S))

    def _send_to_lunch(self, share: float) -> None:
        """Pause this share of each department's people, and let the others back."""
        wanted = {number for group in GROUPS for number in group.people[: int(share * len(group.people))]}
        assert self._logins is not None
        for number in sorted(wanted ^ self._at_lunch):
            self._logins.pause(company.agent_id(number), is_paused=number in wanted)
        self._at_lunch = wanted

    def _save_office(self) -> None:
        document = read(yaml.safe_dump(company.office(), allow_unicode=True), "office.yaml")
        sheet, problems = office.examine(document)
        if sheet is None:
            raise StackError("; ".join(each.cause for each in problems if not each.is_warning))
        directory = self._stack.service("directory")
        save({**self._stack.settings("directory"), URL: directory.address}, sheet, {})

    def _prepare_logins(self) -> None:
        directory = self._stack.service("directory")
        self._logins = Logins(directory.address, self._stack.settings("directory"), ORGANIZATION)
        found = self._logins.prepare()
        console = self._stack.services.get("console")
        self._say(f"console       {console.address if console is not None else 'not there'}")
        self._say(f"organization  {ORGANIZATION}")
        for each in found:
            self._say(f"{each.role:13} {each.login}")
        self._say(f"password      {PASSWORD}")

    def _note(self, entry: Entry) -> None:
        self._say(f"{entry.name} answers at {entry.address}")

    def _say(self, text: str) -> None:
        self._console.print(f"live: {text}", highlight=False, markup=False, soft_wrap=True)


def main(argv: list[str]) -> int:
    """Run it until somebody ends it."""
    argparse.ArgumentParser(prog="python -m devtools live", description=__doc__).parse_args(argv)
    with alone(RUN) as is_alone:
        if not is_alone:
            print("live: the company is at work in this folder already: end it there", file=sys.stderr)
            return 1
        return _run()


def _run() -> int:
    shutil.rmtree(RUN, ignore_errors=True)
    private_files.own_files_only()
    private_files.folder(RUN)
    running = Company(Console())
    with interrupted_by_signals():
        try:
            running.start()
            running.work()
        except KeyboardInterrupt:
            print("live: everything was stopped", flush=True)
            return 0
        except (StackError, NotSaved, Unavailable, RuntimeError) as failure:
            print(f"live: {failure}\nlive: the logs are in {RUN / 'logs'}", file=sys.stderr)
            return 1
        finally:
            running.stop()
