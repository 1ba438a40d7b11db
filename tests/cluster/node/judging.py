"""What the judge of `make chaos` gets of a cluster: the log as it grows, and all that is left behind."""

import asyncio
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from devtools.chaos import reading
from devtools.chaos.progress import Progress
from devtools.chaos.reading import Leavings, Outage
from devtools.chaos.workload import Workload
from devtools.cluster.parts import NodeParts
from ringback import connect, log_stretch
from ringback import log as facts_log
from ringback.export import log_file
from ringback.log import Reading
from ringback.log_reader import LogReader
from ringback.stack.services import ROOT
from tests.cluster.node.phones import Phones

CALM_S: Final = 10.0
"""If nothing was open for so long, all has come to its end: due timers and commands come sooner."""
AFTERMATH_S_MAX: Final = 900.0
"""A callback's attempts and letters that are tried again, on a machine that is busy."""
EVIDENCE: Final = ROOT / ".run"


class Ear:
    """Hears the log as it grows, from its beginning."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.progress = Progress()
        self._heard: deque[Reading] = deque()
        self._reader = LogReader(settings, self._heard.append)
        self._reader.start()

    def listen(self) -> bool:
        """Whether there was something new. Raises what has ended the reader."""
        if self._reader.error is not None:
            raise self._reader.error
        is_new = bool(self._heard)
        while self._heard:
            self.progress.hear(self._heard.popleft())
        return is_new

    def stop(self) -> None:
        """End it."""
        self._reader.stop()


@dataclass
class Court:
    """The companies whose customers call, in every test of a session: the log that is judged is one."""

    beside: NodeParts
    companies: Workload
    phones: Phones
    outages: list[Outage] = field(default_factory=list)
    """The times of what was done to pods, in which delays are allowed."""

    @property
    def settings(self) -> dict[str, str]:
        """What reads the log."""
        return self.beside.settings()

    def say_books(self) -> None:
        """Say the companies' cards, as the directory would."""
        asyncio.run(self._say_books())

    async def _say_books(self) -> None:
        async with connect.log(self.settings) as log:
            for company in self.companies.companies:
                partition = await connect.partition_of(company.organization_id, log)
                facts = [
                    (f"directory/{company.organization_id}/{number}", fact)
                    for number, fact in enumerate(company.book)
                ]
                await facts_log.say(log, partition, company.organization_id, facts)

    def excuse(self, begun_at: float, ended_at: float) -> None:
        """Allow delays within a time, in seconds since 1970."""
        self.outages.append(Outage((round(1000 * begun_at), round(1000 * ended_at))))

    def leavings(self, evidence: str) -> Leavings:
        """All that is left behind; the log is kept under this name, for whoever looks for a cause."""
        records = asyncio.run(log_stretch.of_broker(self.settings))
        folder = EVIDENCE / evidence
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log_file.write(folder / "log.jsonl", records)
        sent, dead = asyncio.run(reading.commands(self.settings))
        companies = self.companies.companies
        # The directory's own letters, such as those to new administrators, are not on the log.
        domains = tuple(f"@{company.organization_id}.example" for company in companies)
        letters = [
            each
            for each in reading.kept_letters(self.beside.smtp.letters)
            if any(recipient.endswith(domains) for recipient in each.recipients)
        ]
        dialled = self.phones.dialled()
        return reading.leavings(companies, records, sent, dead, letters, dialled, self.outages)


def aftermath(ear: Ear, meanwhile: Callable[[], None]) -> list[str]:
    """Wait until nothing is open; returns what does not end."""
    deadline, quiet = time.monotonic() + AFTERMATH_S_MAX, time.monotonic()
    while time.monotonic() - quiet < CALM_S:
        if time.monotonic() > deadline:
            return [
                f"still open at the end: {kind} {sorted(ids)}" for kind, ids in ear.progress.open().items()
            ]
        meanwhile()
        if ear.progress.open():
            quiet = time.monotonic()
        time.sleep(1)
    return []
