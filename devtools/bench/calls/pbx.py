"""The Asterisk that both queues run on: one number is a call queue of its own, another one is the product's.

Everything but the dialled number is the same for both: the phones, the trunk, the modules, and that nobody
who waits hears music. A thousand streams of music take more than a core, and either queue's figures with it.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from contracts.ids import PbxId
from ringback.pbx_files.plan import PbxPlan, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk.instance import Instance, free_address, texts
from runtime import private_files

PBX: Final = PbxId("cloud")
OWN_LINE: Final = "+74950001000"
"""The product's number, as the trunk says it."""
QUEUE_LINE: Final = "+74950002000"
"""The number of Asterisk's own queue."""
FIRST_EXTENSION: Final = 201
PASSWORD: Final = "a-phone-of-the-bench"  # noqa: S105  # on loopback, for one run
QUEUE: Final = "sales"
SETTINGS: Final = (
    # The agent who has been free longest, as «longest idle» has it.
    ("strategy", "leastrecent"),
    # Several callers are offered at once, each to a free agent.
    ("autofill", "yes"),
    ("ringinuse", "no"),
    # A second is the least; 0 would be the default of 5.
    ("retry", "1"),
    ("timeout", "30"),
    ("wrapuptime", "0"),
    ("announce-frequency", "0"),
    ("announce-holdtime", "no"),
    ("announce-position", "no"),
    ("joinempty", "yes"),
    ("leavewhenempty", "no"),
    ("maxlen", "0"),
)
"""queues.conf: nothing is announced, and nothing is waited for that need not be."""
ANSWER: Final = "Answer()"


def extensions(agents: int) -> tuple[str, ...]:
    """The agents' extensions."""
    return tuple(str(FIRST_EXTENSION + number) for number in range(agents))


def queues_conf(agents: int) -> str:
    """Asterisk's own queue, whose members are the agents' phones."""
    lines = ["[general]", "persistentmembers = no", "autofill = yes", f"[{QUEUE}]"]
    lines += [f"{name} = {value}" for name, value in SETTINGS]
    lines += [f"member => PJSIP/{each}" for each in extensions(agents)]
    return "\n".join(lines) + "\n"


class BenchPbx:
    """One Asterisk with agents' phones; `callers_at` and `agents_at` are where theirs are."""

    def __init__(self, folder: Path, agents: int) -> None:
        self.agents = extensions(agents)
        self.callers_at, self.agents_at = free_address(), free_address()
        plan = PbxPlan(
            pbx_id=PBX,
            phones=tuple(PlannedPhone(extension=each, password=PASSWORD) for each in self.agents),
            trunks=(PlannedTrunk(host=self.callers_at),),
        )
        found = texts(plan)
        dialplan = _queue_number(found["extensions"])
        self.instance = Instance(
            folder, name=PBX, pjsip=found["pjsip"], extensions=dialplan, dies_with_parent=True
        )
        self._queues = queues_conf(agents)

    @property
    def address(self) -> str:
        """Its SIP address."""
        return self.instance.address

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.instance.kill()

    def start(self) -> None:
        """Start it, with its queue and without music."""
        self.instance.start()
        etc = self.instance.folder / "etc"
        private_files.write(etc / "queues.conf", self._queues)
        private_files.write(etc / "musiconhold.conf", "[general]\n")
        self.instance.cli("module", "reload", "app_queue.so")
        self.instance.cli("moh", "reload")


def _queue_number(dialplan: str) -> str:
    """The plan's dialplan, in which one number of the trunk is Asterisk's queue."""
    own: Sequence[str] = (
        "[from-trunk]",
        f"exten => {QUEUE_LINE},1,{ANSWER}",
        f" same => n,Queue({QUEUE})",
        " same => n,Hangup()",
    )
    return dialplan + "\n" + "\n".join(own) + "\n"
