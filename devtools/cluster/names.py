"""Names of services and of pods behind headless ones, for the pods of a cluster: its CoreDNS.

It answers from the API server's objects, which it asks for at most once a second. Every other name does not
exist, so that a pod that wants something outside of the cluster is told so at once.
"""

import json
import socket
import ssl
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

PORT: Final = 53
KNOWN_S: Final = 1
"""How long an answer holds, here and at those who asked."""
QUESTION_BYTES_MAX: Final = 4096


class Names:
    """Name → addresses, as the API server has them."""

    def __init__(self, run: Path, api: str) -> None:
        self._api = api
        self._token = (run / "tokens").read_text(encoding="ascii").partition(",")[0]
        self._context = ssl.create_default_context(cafile=run / "apiserver" / "apiserver.crt")
        self._known: dict[str, list[str]] = {}
        self._asked_at: float | None = None

    def find(self, name: str) -> list[str] | None:
        """Addresses of a name in lower case; None if there is no such name. Raises OSError."""
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > KNOWN_S:
            self._known = addresses(
                self._items("/api/v1/services"), self._items("/apis/discovery.k8s.io/v1/endpointslices")
            )
            self._asked_at = now
        return self._known.get(name)

    def _items(self, path: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._api + path, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5, context=self._context) as answer:  # noqa: S310
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items


def addresses(services: list[dict[str, Any]], slices: list[dict[str, Any]]) -> dict[str, list[str]]:
    """A service's own address; of a headless one those of its ready pods, which also have names each."""
    ready: dict[str, list[str]] = defaultdict(list)
    pods: dict[str, list[str]] = {}
    for each in slices:
        named = _name(each["metadata"]["labels"]["kubernetes.io/service-name"], each)
        for end in each.get("endpoints") or ():
            if not end.get("conditions", {}).get("ready"):
                continue
            ready[named] += end["addresses"]
            if "hostname" in end:
                pods[f"{end['hostname']}.{named}"] = list(end["addresses"])
    own = {}
    for service in services:
        named, address = _name(service["metadata"]["name"], service), service["spec"].get("clusterIP", "None")
        own[named] = ready[named] if address == "None" else [address]
    return own | pods


def _name(service: str, of: dict[str, Any]) -> str:
    return f"{service}.{of['metadata']['namespace']}.svc.cluster.local"


def answered(packet: bytes, find: Callable[[str], list[str] | None]) -> bytes:
    """The reply to one question; `find` gives a name's addresses, None if there is no such name.

    Raises dns.exception.DNSException, and what `find` raises.
    """
    question = dns.message.from_wire(packet)
    reply = dns.message.make_response(question, recursion_available=True)
    reply.flags |= dns.flags.AA
    asked = question.question[0]
    found = find(asked.name.to_text(omit_final_dot=True).lower())
    if found is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif found and asked.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text_list(asked.name, KNOWN_S, asked.rdclass, asked.rdtype, found))
    return reply.to_wire()


def main(run: str, api: str, address: str) -> None:
    """Answer until the namespaces end."""
    names = Names(Path(run), api)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, PORT))
        while True:
            packet, who = server.recvfrom(QUESTION_BYTES_MAX)
            try:
                server.sendto(answered(packet, names.find), who)
            except (OSError, IndexError, dns.exception.DNSException) as error:
                print(f"names: {error!r}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
