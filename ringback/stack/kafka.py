"""Apache Kafka 4 from its jars: one KRaft node on loopback, for tests on the real log.

Maven copies the jars named in kafka_jars/pom.xml into a cache outside the tree, once per version of that
file. A node formats its storage, starts, and is awaited until it answers. It keeps its storage over `kill`
and `start`, so that crashes and restarts can be tested.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ringback.stack.process import Process, StackError, free_port, is_listening

POM = Path(__file__).parent / "kafka_jars" / "pom.xml"
FETCH_S = 600
FORMAT_S = 120
START_S = 120
JAVA_VERSION_MIN = 17

ADMIN = "admin"
"""The user of a closed node to whom no rule applies."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners={wire}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={wire}://{advertised}:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name={wire}
listener.security.protocol.map=CONTROLLER:{controller_wire},{wire}:{wire}
log.dirs={logs}
auto.create.topics.enable=false
# One node: what is internal is not replicated either.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Tests don't wait for members that will not come, and kill members with short sessions.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A killed node may come back after 3 s and not after 9: until then its old registration counts.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
# A killed node leaves its logs unclean: reading them again is quicker with two threads.
num.recovery.threads.per.data.dir=2
"""

# The controller can't log in with SCRAM, whose passwords it keeps: it shows the node's certificate.
CLOSED = """\
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}
listener.name.sasl_ssl.ssl.client.auth=requested
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
ssl.principal.mapping.rules=RULE:^CN=kafka,.*$/kafka/,DEFAULT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:kafka
"""
ADMIN_PROPERTIES = """\
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={login}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""
LOGIN = (
    "org.apache.kafka.common.security.scram.ScramLoginModule required "
    'username="{username}" password="{password}";'
)

LOG4J = """\
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def reason_missing() -> str | None:
    """Why Apache Kafka can't be started on this machine; None if it can."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        return f"Apache Kafka needs {' and '.join(missing)} (Debian: openjdk-17-jre-headless, maven)"
    answer = subprocess.run(["java", "-version"], check=False, capture_output=True, text=True)
    # java -version says `openjdk version "17.0.15" ...` on stderr.
    version = answer.stderr.partition('"')[2].partition(".")[0].partition('"')[0]
    if not version.isdigit() or int(version) < JAVA_VERSION_MIN:
        return f"Apache Kafka needs Java {JAVA_VERSION_MIN}, and `java -version` says {answer.stderr[:60]!r}"
    return None


def jars() -> Path:
    """The folder with the broker's jars; Maven fetches them once per version of the pom."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringback"
    folder = cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    # Two test workers may come here at once: the second one waits and finds the folder.
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Copy the jars to a temporary folder and rename it, so that the named folder is always complete."""
    beside = folder.with_suffix(".part")
    shutil.rmtree(beside, ignore_errors=True)
    argv = ["mvn", "-q", "-B", "-ntp", "-f", str(POM), "dependency:copy-dependencies"]
    argv += ["-DincludeScope=runtime", f"-DoutputDirectory={beside}"]
    fetched = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FETCH_S)
    if fetched.returncode != 0:
        raise StackError(f"maven can't fetch Apache Kafka:\n{fetched.stdout[-2000:]}{fetched.stderr[-500:]}")
    beside.rename(folder)


@dataclass(frozen=True)
class Closed:
    """What a node needs whose clients use TLS and log in, and are allowed what rules (ACLs) say.

    `certificate` is a PEM file with a PKCS#8 key and a certificate whose common name is `kafka`. `users` are
    passwords by name, with one for ADMIN.
    """

    certificate: Path
    authority: Path
    users: Mapping[str, str]


class ApacheKafka:
    """One node; `start`, `stop`, `kill` and `start` again work on the same storage and port."""

    def __init__(
        self,
        run: Path,
        *,
        dies_with_parent: bool = False,
        closed: Closed | None = None,
        advertised: str = "127.0.0.1",
    ) -> None:
        """Format the storage under `run` without starting the node.

        `advertised` is the address that clients are told; whoever gives another one carries them to loopback.
        """
        self.port = free_port()
        self._advertised = advertised
        self._folder = run / "kafka"
        self._folder.mkdir(parents=True)
        self._java = ["java", "-cp", f"{jars()}/*", f"-Dlog4j2.configurationFile={self._folder}/log4j2.xml"]
        (self._folder / "log4j2.xml").write_text(LOG4J, encoding="utf-8")
        properties = self._folder / "server.properties"
        properties.write_text(self._properties(closed), encoding="utf-8")
        self._users = {} if closed is None else dict(closed.users)
        self._format(properties)
        # The heap suffices for one node in tests; the serial collector leaves two cores to the tests.
        serve = [*self._java, "-Xms512M", "-Xmx512M", "-XX:+UseSerialGC", "kafka.Kafka", str(properties)]
        self.process = Process("kafka", serve, run, dies_with_parent=dies_with_parent)

    def _format(self, properties: Path) -> None:
        """Make an empty storage, of a cluster that nobody knows."""
        storage = [*self._java, "-Xmx256M", "kafka.tools.StorageTool"]
        uuid = self._tool([*storage, "random-uuid"]).split()[-1]
        # One argument, since a uuid may start with a dash and would be taken for an option.
        format_ = [*storage, "format", "--standalone", f"--cluster-id={uuid}", "-c", str(properties)]
        for name, password in self._users.items():
            format_ += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        self._tool(format_)

    @property
    def data(self) -> Path:
        """The folder with its logs and its metadata, to be copied or lost while it does not run."""
        return self._folder / "data"

    def lose_everything(self) -> None:
        """Delete the data of a stopped node; it starts again at the same address, as another cluster."""
        shutil.rmtree(self.data)
        self._format(self._folder / "server.properties")

    def _properties(self, closed: Closed | None) -> str:
        """The node's settings; those of a closed node also write down how its administrator connects."""
        wires = ("PLAINTEXT", "PLAINTEXT") if closed is None else ("SASL_SSL", "SSL")
        plain = PROPERTIES.format(
            port=self.port,
            advertised=self._advertised,
            controller=free_port(),
            logs=self.data,
            wire=wires[0],
            controller_wire=wires[1],
        )
        if closed is None:
            return plain
        known = {
            "login": LOGIN.format(username=ADMIN, password=closed.users[ADMIN]),
            "authority": closed.authority,
        }
        (self._folder / "admin.properties").write_text(ADMIN_PROPERTIES.format(**known), encoding="utf-8")
        return plain + CLOSED.format(**known, certificate=closed.certificate, admin=ADMIN)

    def administer(self, program: str, *options: str) -> str:
        """Run one of Kafka's programs, by its class, as a closed node's administrator; what it prints."""
        # Most of its second would go into compiling well what runs once.
        start = [*self._java, "-Xmx256M", "-XX:TieredStopAtLevel=1", program]
        told = ["--bootstrap-server", self.address, "--command-config", f"{self._folder}/admin.properties"]
        return self._tool([*start, *told, *options])

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"{self._advertised}:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts clients: the broker opens its port when it is unfenced."""
        self.process.start_until(lambda: is_listening(self.port), "open port", START_S)

    def wait_ready(self) -> None:
        """Wait until a started node accepts clients."""
        self.process.wait_until(lambda: is_listening(self.port), "open port", START_S)

    def stop(self) -> None:
        """Stop it as an operator would; it flushes its logs."""
        self.process.stop(grace_s=30)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()

    @staticmethod
    def _tool(argv: list[str]) -> str:
        """Run one of Kafka's own programs and return what it prints."""
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=FORMAT_S)
        if done.returncode != 0:
            raise StackError(
                f"{argv[5:7]} of Apache Kafka failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
            )
        return done.stdout
