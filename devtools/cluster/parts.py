"""The parts beside the pods of a node: Apache Kafka, Redis with TLS, PostgreSQL, S3 and a mail server.

They run in the cluster's network namespace and listen on its loopback; pods reach them at the node's address,
whose ports are carried there. `objects` are the Secrets, and `values` the chart's values, that lead there.
"""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trustme

from devtools.cluster.node import ADDRESS
from ringback.stack import kafka, parts, postgres
from ringback.stack.process import Process, is_listening
from runtime.token_keys import SigningKeys

LOOPBACK: Final = "127.0.0.1"
START_S: Final = 60
DATABASES: Final = ("directory", "history")
MAIL_FROM: Final = "callback@office.example"


@dataclass(slots=True)
class NodeParts:
    """The running parts; `stop` ends them."""

    run: Path
    kafka: kafka.ApacheKafka
    redis: parts.Redis
    s3: parts.S3
    smtp: parts.Smtp
    postgres: postgres.Postgres
    relay: Process
    authority: str
    """The certificate of the authority that signed that of Redis, in PEM."""

    def database(self, name: str) -> str:
        """The address of a database for pods, which is made if it is not there."""
        return _for_pods(self.postgres.database(name))

    def objects(self) -> list[dict[str, Any]]:
        """The Secrets with addresses and keys of a release, new ones at each call."""
        keys = SigningKeys.generate()
        told = {
            "redis": {"url": _for_pods(self.redis.address), "ca.crt": self.authority},
            "s3": {"access-key": self.s3.access_key, "secret-key": self.s3.secret_key},
            "smtp": {"url": _for_pods(self.smtp.address)},
            "tokens": {"private.json": keys.as_private_json(), "public.json": keys.public.as_json()},
            "directory-key": {"directory-key": secrets.token_hex(16)},
            "databases": {each: self.database(each) for each in DATABASES},
        }
        return [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
            for name, data in told.items()
        ]

    def values(self) -> dict[str, Any]:
        """The chart's values that name the parts and these Secrets."""
        return {
            # Between pods and parts of one machine; Redis has TLS.
            "allowPlaintextTo": ["http", "kafka", "postgresql", "s3", "smtp", "spool"],
            "kafka": {"bootstrapServers": self.kafka.address, "tls": {"enabled": False}},
            "topics": {"replication": 1},
            "redis": {"existingSecret": "redis", "caSecret": "redis"},
            "s3": {"endpoint": _for_pods(self.s3.address), "existingSecret": "s3"},
            "smtp": {"existingSecret": "smtp", "from": MAIL_FROM},
            "tokens": {
                "privateKeys": {"existingSecret": "tokens", "key": "private.json"},
                "publicKeys": {"existingSecret": "tokens", "key": "public.json"},
            },
            "directory": {
                "database": {"existingSecret": "databases", "key": "directory"},
                "key": {"existingSecret": "directory-key"},
            },
            "history": {"database": {"existingSecret": "databases", "key": "history"}},
        }

    def settings(self) -> dict[str, str]:
        """What operators' programs in this network namespace need to read the log."""
        return {
            "RINGBACK_KAFKA": self.kafka.address,
            "RINGBACK_ALLOW_PLAINTEXT_TO": "kafka",
            "RINGBACK_TOPIC_PREFIX": "ringback.",
        }

    def stop(self) -> None:
        """End them all."""
        self.relay.stop()
        for each in (self.smtp, self.s3, self.redis):
            each.process.stop()
        self.postgres.stop()
        self.kafka.stop()


def start(run: Path, *, has_tls: bool = True) -> NodeParts:
    """Start every part and wait until it answers; `has_tls` closes the wire of Redis. Raises StackError."""
    authority = trustme.CA()
    tls = _certificates(authority, run) if has_tls else None
    broker = kafka.ApacheKafka(run, dies_with_parent=True, advertised=ADDRESS)
    redis = parts.start_redis(run, dies_with_parent=True, tls=tls)
    s3 = parts.start_s3(run, dies_with_parent=True)
    smtp = parts.start_smtp(run, dies_with_parent=True)
    sql = postgres.start(run, dies_with_parent=True)
    carried = [broker.port, *map(port_of, (redis.address, s3.address, smtp.address, sql.address))]
    argv = [sys.executable, "-m", "devtools.cluster.relay", ADDRESS, *map(str, carried)]
    relay = Process("relay", argv, run, dies_with_parent=True)
    relay.start_until(lambda: is_listening(broker.port, ADDRESS), "open port", START_S)
    # Last, since it registers with itself at the address that clients are told.
    broker.start()
    return NodeParts(run, broker, redis, s3, smtp, sql, relay, authority.cert_pem.bytes().decode())


def _certificates(authority: trustme.CA, run: Path) -> parts.RedisTls:
    own = authority.issue_cert(ADDRESS)
    folder = run / "certificates"
    folder.mkdir(parents=True)
    tls = parts.RedisTls(folder / "ca.pem", folder / "redis.pem", folder / "redis.key")
    authority.cert_pem.write_to_path(str(tls.ca))
    own.cert_chain_pems[0].write_to_path(str(tls.certificate))
    own.private_key_pem.write_to_path(str(tls.key))
    return tls


def port_of(address: str) -> int:
    """The port of a part's `host:port` or URL."""
    return int(address.rpartition(":")[2].partition("/")[0])


def _for_pods(address: str) -> str:
    return address.replace(LOOPBACK, ADDRESS)


def as_list(objects: list[dict[str, Any]]) -> str:
    """Objects as one document for `kubectl apply`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
