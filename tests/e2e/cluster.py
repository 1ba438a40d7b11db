"""The whole stack as processes: parts, services and phones, and a reader that records the log.

A story is a list of cues: when the log shows an event, the test acts. Nothing waits for a fixed time; the
limits only end a story that stands still, and name its evidence.
"""

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import yaml

from devtools.phone_networks import PhoneNetwork, SimulatedPhones, pbxs_setting
from ringback import log as facts_log
from ringback import operator
from ringback.apply import office
from ringback.apply.directory_client import CA, TOKEN, URL
from ringback.apply.document import read
from ringback.apply.run import save
from ringback.log import Reading
from ringback.log_reader import LogReader
from ringback.stack.process import Process
from ringback.stack.stack import Stack
from ringback.stack.whole_start import WholeStart
from runtime import secret_files
from services.directory.state.office_sheet import OfficeSheet
from services.gateway.simulated.script import Call
from services.gateway.simulated.wire import Control
from tests.e2e.company import AGENTS, Company, Outcome, told
from tests.e2e.letters import Letter, letters

POLL_S: Final = 0.05
STORY_S: Final = 240.0
"""A story takes 45 s; the rest is for a busy machine."""
SETTLE_S: Final = 1.5
"""How long to read on after a story's end: most repeats come within this time."""
TOLD_MAX: Final = 60


@dataclass(slots=True)
class Cue:
    """An action at the first moment at which the log meets a condition."""

    what: str
    when: Callable[[], bool]
    do: Callable[[], None]


class Cluster(WholeStart):
    """A running stack with phones for some companies, and the reader of its log."""

    def __init__(
        self,
        run: Path,
        companies: Iterable[Company],
        *,
        overrides: Mapping[str, str] | None = None,
        phones: PhoneNetwork | None = None,
        stack: Stack | None = None,
        story_s: float = STORY_S,
    ) -> None:
        self.companies = {company.name: company for company in companies}
        self._by_organization = {company.organization_id: company for company in self.companies.values()}
        self.stack = stack or Stack(run, overrides=overrides, dies_with_parent=True)
        self.run = self.stack.run
        self.phones: PhoneNetwork = phones or SimulatedPhones()
        self._story_s = story_s
        self._reader: LogReader | None = None
        self._done = (self._folder() / "done.log").open("w", encoding="utf-8")
        self._facts = (self.run / "facts.log").open("w", encoding="utf-8")

    def _folder(self) -> Path:
        self.run.mkdir(parents=True, exist_ok=True)
        return self.run

    @property
    def evidence(self) -> str:
        """Where to look after a failure."""
        return (
            f"processes' logs: {self.run}/logs · facts: {self.run}/facts.log · "
            f"what the test did: {self.run}/done.log · letters: {self.run}/letters"
        )

    def __repr__(self) -> str:
        """The path of the evidence, for pytest's report of a failure."""
        return f"Cluster({self.evidence})"

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()
        self.stack.stop()
        self._done.close()
        self._facts.close()

    def _start(self) -> None:
        self.stack.start_parts()
        self.stack.create_topics()
        self.phones.start_pbxs(self.stack)
        self._start_phones()
        pbxs = pbxs_setting(
            self.phones, {each.organization_id: each.pbx_scripts() for each in self.companies.values()}
        )
        # The gateway is ready once the directory has its PBXs, which comes later; speech goes on making
        # prompts that nobody needs here.
        extra = {"gateway": {"RINGBACK_PBXS": pbxs}}
        self.stack.start_services(extra=extra, not_awaited=("gateway", "tts"))
        self._read()
        prompts = {prompt for company in self.companies.values() for prompt in company.prompts()}
        self.stack.await_prompts(self.stack.service("tts"), prompts)

    def _read(self) -> None:
        self._reader = LogReader(secret_files.resolved(self.stack.settings()), self._hear)
        self._reader.start()

    def stop_services(self) -> None:
        """Stop reading the log, and every service; the parts run on."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        for service in self.stack.services.values():
            service.process.ask_to_stop()
        for service in self.stack.services.values():
            service.stop()
        self.note("every service has stopped")

    def start_services_again(self) -> None:
        """Start the stopped services, and read the log from its beginning: what was heard is forgotten."""
        for company in self.companies.values():
            company.forget()
        for service in self.stack.services.values():
            service.start()
        for service in self.stack.services.values():
            service.wait_ready()
        self._read()
        self.note("every service runs again")

    def _start_phones(self) -> None:
        script = {
            "pbxs": {
                pbx_id: phones
                for company in self.companies.values()
                for pbx_id, phones in company.pbx_scripts().items()
            },
            "public": {
                number: phone
                for company in self.companies.values()
                for number, phone in company.public_script().items()
            },
        }
        file = self.run / "phones.yaml"
        file.write_text(yaml.safe_dump(script, allow_unicode=True), encoding="utf-8")
        self.phones.start_phones(self.stack, file)

    def _hear(self, reading: Reading) -> None:
        """Give each company its facts, and write them down."""
        company = self._by_organization.get(reading.envelope.organization_id)
        if reading.fact is None or company is None:
            return
        before = len(company.heard)
        company.hear(reading)
        for heard in company.heard[before:]:
            self._facts.write(f"{company.name:<10} {told(heard)}\n")
        self._facts.flush()

    # What a test does

    def open(self, company: Company) -> None:
        """Save a company's office through the directory, as `apply` does with a token."""
        self.note(f"{company.name}: its office is applied")
        sheet, problems = office.examine(read(company.office(), f"{company.name}.yaml"))
        assert sheet is not None
        assert all(problem.is_warning for problem in problems), problems
        settings = {
            **secret_files.resolved(self.stack.settings("directory")),
            URL: self.stack.service("directory").address,
            CA: self.stack.ca,
        }
        save({**settings, TOKEN: _admitted(settings, sheet)}, sheet, {})

    def call(self, company: Company, customer: str) -> None:
        """Let a customer call."""
        self.note(f"{company.name}: {customer} calls")
        call: Call = company.call(customer)
        self.phones.control(Control(pbx_id=company.pbx_id, call=call))

    def agent(self, company: Company, agent: str, *, is_there: bool) -> None:
        """Let an agent's desk phone register or disappear."""
        assert agent in AGENTS
        self.note(f"{company.name}: {agent} {'comes free' if is_there else 'leaves'}")
        self.phones.control(
            Control(pbx_id=company.pbx_id, address=company.address(agent), reachable=is_there)
        )

    def kill(self, service: str) -> None:
        """`kill -9` a service, and start it again without waiting for it."""
        process: Process = self.stack.service(service).process
        process.kill()
        self.note(f"kill -9 of {service}, pid {process.pid}; it is started again")
        process.start()

    def dials(self) -> dict[str, int]:
        """How often each phone was dialled, by the network's count."""
        return self.phones.control(Control())

    def letters(self, company: Company) -> list[Letter]:
        """The letters to this company's people."""
        return letters(self.stack.parts.smtp.letters, company.name)

    def outcomes(self, company: Company, customers: Iterable[str]) -> dict[str, Outcome]:
        """The morning's outcome per customer."""
        dials, sent = self.dials(), self.letters(company)
        return {customer: company.outcome(customer, dials, sent) for customer in customers}

    def note(self, text: str) -> None:
        """Record what the test did, with the time, beside the log's facts."""
        self._done.write(f"{facts_log.now()}  {text}\n")
        self._done.flush()

    def play(self, cues: Iterable[Cue], companies: Iterable[Company], customers: tuple[str, ...]) -> None:
        """Follow the cues until all were carried out and everything has ended for these customers."""
        companies = tuple(companies)
        end = time.monotonic() + self._story_s
        open_ = list(cues)
        while open_ or any(company.lacks(customers) for company in companies):
            for cue in [cue for cue in open_ if cue.when()]:
                open_.remove(cue)
                cue.do()
            self._check_processes()
            if time.monotonic() > end:
                raise AssertionError(self._standing_still(open_, companies, customers))
            time.sleep(POLL_S)
        # Not a deadline: it only gives repeats the time to come.
        time.sleep(SETTLE_S)

    def until(self, what: str, company: Company, is_so: Callable[[], bool]) -> None:
        """Wait until the log shows something of a company."""
        end = time.monotonic() + self._story_s
        while not is_so():
            self._check_processes()
            if time.monotonic() > end:
                raise AssertionError("\n".join([f"never came: {what}", last_words(company), self.evidence]))
            time.sleep(POLL_S)

    def _standing_still(
        self, open_: list[Cue], companies: tuple[Company, ...], customers: tuple[str, ...]
    ) -> str:
        never = "; ".join(cue.what for cue in open_) or "everything that was waited for"
        stuck = [company for company in companies if company.lacks(customers)]
        return "\n".join(
            [
                f"not over after {self._story_s:g} s; never came: {never}",
                *(f"{company.name} waits for {', '.join(company.lacks(customers))}" for company in stuck),
                *(last_words(company) for company in stuck[:1]),
                self.evidence,
            ]
        )

    def _check_processes(self) -> None:
        if self._reader is not None and self._reader.error is not None:
            raise AssertionError("the log can't be read") from self._reader.error
        for entry in self.stack.entries:
            if not entry.process.is_alive():
                raise AssertionError(f"{entry.name} has ended by itself; {entry.process.last_words()}")


def _admitted(settings: Mapping[str, str], sheet: OfficeSheet) -> str:
    """A token from `ringback operator admit`, in this process: one of its own takes as long to start as a
    third of a morning on a busy machine, and there are six mornings."""
    words = ["admit", sheet.organization_id, f"--name={sheet.organization.name}"]
    words += [f"--pbx={pbx_id}" for pbx_id in sheet.pbxs]
    words += [f"--number={number}" for pbx in sheet.pbxs.values() for number in pbx.numbers]
    printed = io.StringIO()
    with mock.patch.dict(os.environ, settings), contextlib.redirect_stdout(printed):
        assert operator.main(words) == 0, "why stands in the captured output"
    return printed.getvalue().strip().removeprefix("token: ")


def last_words(company: Company) -> str:
    """The end of a company's story, for a failure."""
    lines = [told(heard) for heard in company.heard[-TOLD_MAX:]]
    return "\n".join([f"{company.name}, the last {len(lines)} facts:", *lines])
