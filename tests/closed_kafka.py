"""Apache Kafka with TLS, logins and rules: certificates made for it, and the settings of each user."""

import contextlib
import io
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from ringback import acls
from ringback.stack import kafka
from runtime import kafka_clients
from runtime.kafka_clients import Clients

PRINCIPALS = "ringback-"
CONFIG_COMMAND = "kafka.admin.ConfigCommand"
ACL_COMMAND = "org.apache.kafka.tools.AclCommand"


@dataclass(frozen=True)
class ClosedKafka:
    """A running node whose clients use TLS and log in. Its certificate names 127.0.0.1 and nothing else."""

    node: kafka.ApacheKafka
    authority: Path
    stranger: Path
    """An authority that has signed nothing here."""
    client: Path
    """A client's key and certificate, by the authority; brokers take clients without one, too."""
    strangers_client: Path
    passwords: Mapping[str, str]

    def settings(self, user: str, **changed: str) -> dict[str, str]:
        """How a user reaches the node: `RINGBACK_KAFKA…`, with some `changed` (`CA`, `PASSWORD`)."""
        found = {
            "RINGBACK_KAFKA": self.node.address,
            "RINGBACK_KAFKA_CA": str(self.authority),
            "RINGBACK_KAFKA_USERNAME": user,
            "RINGBACK_KAFKA_PASSWORD": self.passwords.get(user, "unknown"),
        }
        return found | {f"RINGBACK_KAFKA_{name}": value for name, value in changed.items()}

    def shown(self, certificate: Path) -> dict[str, str]:
        """The changed settings of a client that shows a certificate."""
        return {"CERTIFICATE": str(certificate), "KEY": str(certificate)}

    def clients(self, user: str, **changed: str) -> Clients:
        """The clients of a user."""
        return kafka_clients.from_environment(self.settings(user, **changed))

    def change_password(self, user: str, password: str) -> None:
        """Rotate a user's password; connections that are open go on."""
        change = f"SCRAM-SHA-512=[password={password}]"
        of_user = ["--entity-type", "users", "--entity-name", user]
        self.node.administer(CONFIG_COMMAND, "--alter", "--add-config", change, *of_user)

    def allow(self, prefix: str, *users: str) -> None:
        """Run the lines of `python -m ringback acls` for some users, or for all of them."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            acls.main(["--prefix", prefix, "--principal-prefix", PRINCIPALS])
        principals = {f"User:{PRINCIPALS}{user}" for user in users}
        for line in printed.getvalue().splitlines():
            options = shlex.split(line)[len(shlex.split(acls.PROGRAM)) :]
            if not users or principals & set(options):
                self.node.administer(ACL_COMMAND, *options)


def made(run: Path) -> ClosedKafka:
    """A node that is not started yet, with all that belongs to it under `run`."""
    authority, stranger = trustme.CA(), trustme.CA()
    files = {
        "node": _key_and_certificate(authority.issue_cert("127.0.0.1", common_name="kafka")),
        "client": _key_and_certificate(authority.issue_cert("client.example.org")),
        "strangers_client": _key_and_certificate(stranger.issue_cert("client.example.org")),
        "authority": authority.cert_pem.bytes(),
        "stranger": stranger.cert_pem.bytes(),
    }
    paths = {name: run / f"{name}.pem" for name in files}
    for name, content in files.items():
        paths[name].write_bytes(content)
    passwords = {f"{PRINCIPALS}{user}": f"secret of {user}" for user in acls.users()}
    passwords[kafka.ADMIN] = "secret"
    closed = kafka.Closed(certificate=paths["node"], authority=paths["authority"], users=passwords)
    return ClosedKafka(
        node=kafka.ApacheKafka(run, dies_with_parent=True, closed=closed),
        authority=paths["authority"],
        stranger=paths["stranger"],
        client=paths["client"],
        strangers_client=paths["strangers_client"],
        passwords=passwords,
    )


def _key_and_certificate(issued: trustme.LeafCert) -> bytes:
    """One PEM file of both; Java reads keys as PKCS#8 only."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pkcs8 + b"".join(each.bytes() for each in issued.cert_chain_pems)
