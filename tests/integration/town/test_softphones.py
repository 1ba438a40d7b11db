"""`make demo PHONES=asterisk LISTEN=address`: somebody's own softphone at the cloud PBX."""

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import pytest

from contracts.ids import PbxId
from devtools.demo.softphones import AGENT, CUSTOMER, CUSTOMER_NUMBER, LINE, Softphones
from devtools.phone_networks import RealPhones, Site
from devtools.town.exchange import Around, Exchange, PbxAccess
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.asterisk.configuration import transport
from ringback.stack.stack import Stack

pytestmark = pytest.mark.timeout(240)

CLOUD = PbxId("cloud")
UNTIL_S_MAX = 30
DIALPLAN = "[in]\nexten => _.,1,Ringing()\n same => n,Wait(60)\n[silent]\nexten => s,1,Wait(60)\n"


@dataclass
class Bench:
    """The cloud PBX, and a softphone with three logins, one of them wrong."""

    pbx: Instance
    softphone: Instance


def login(name: str, password: str, server: str) -> str:
    return (
        f"[{name}]\ntype = endpoint\ncontext = in\ndisallow = all\nallow = alaw\naors = {name}\n"
        f"outbound_auth = {name}\nfrom_user = {name}\n"
        f"[{name}]\ntype = auth\nauth_type = digest\nusername = {name}\npassword = {password}\n"
        f"[{name}]\ntype = aor\ncontact = sip:{server}\n"
        f"[{name}]\ntype = registration\noutbound_auth = {name}\nserver_uri = sip:{server}\n"
        f"client_uri = sip:{name}@{server}\ncontact_user = {name}\nmax_random_initial_delay = 0\n"
        f"[{name}]\ntype = identify\nendpoint = {name}\nmatch = {server}\n"
    )


@pytest.fixture
def bench(tmp_path: Path, asterisk_root: Root) -> Iterator[Bench]:
    listen = free_address()
    logins = Softphones(listen)
    phones = RealPhones([Site(CLOUD, phones=("201",), departments=("300",))])

    def pjsip(address: str) -> str:
        return (
            transport(address)
            + login(CUSTOMER, logins.customer_password, listen)
            + login(AGENT, logins.agent_password, listen)
            + login("201", "guessed", listen)
        )

    with Stack(tmp_path, dies_with_parent=True) as stack:
        phones.start_pbxs(stack)
        logins.let_in(phones, CLOUD)
        access = PbxAccess(address=phones.instances[CLOUD].address)
        around = Around(address=phones.town_address, pbxs={CLOUD: access}, elsewhere={CUSTOMER_NUMBER: CLOUD})
        public = Exchange(tmp_path / "public", around, dies_with_parent=True).instance
        softphone = Instance(
            tmp_path / "soft", name="soft", pjsip=pjsip, extensions=DIALPLAN, dies_with_parent=True
        )
        public.start()
        softphone.start()
        yield Bench(phones.instances[CLOUD], softphone)
        softphone.stop()
        public.stop()


def until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + UNTIL_S_MAX
    while not is_so():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.1)


def call(caller: Instance, endpoint: str, context: str) -> None:
    """Let a machine dial, and put whoever answers into a context."""
    found = urlsplit(caller.ari_address())
    words = urlencode({"endpoint": endpoint, "extension": "s", "context": context})
    key = f"{found.username}:{unquote(found.password or '')}"
    connection = http.client.HTTPConnection(found.hostname or "", found.port, timeout=5)
    connection.request("POST", f"/ari/channels?{words}&{urlencode({'api_key': key})}")
    assert connection.getresponse().status == 200
    connection.close()


def state(softphone: Instance, name: str) -> str:
    lines = softphone.cli("pjsip", "show", "registrations").splitlines()
    return next((line.split()[2] for line in lines if line.strip().startswith(f"{name}/")), "")


def test_the_two_logins_are_let_in_and_nobody_else_is(bench: Bench) -> None:
    """The passwords are of this run; whoever guesses one is refused."""
    for name in (CUSTOMER, AGENT):
        until(lambda name=name: state(bench.softphone, name) == "Registered", name)  # type: ignore[misc]
    until(lambda: state(bench.softphone, "201") == "Rejected", "the guessed one's refusal")


def test_the_customer_calls_a_line_as_from_outside_and_is_called_back(bench: Bench) -> None:
    """The department's number gives the call to the application; the customer's number rings here."""
    until(lambda: state(bench.softphone, CUSTOMER) == "Registered", "the login")
    call(bench.softphone, f"PJSIP/{LINE}@{CUSTOMER}", "silent")
    until(lambda: "ringback-offer" in bench.pbx.cli("core", "show", "channels", "verbose"), "the offer")
    call(bench.pbx, f"PJSIP/{CUSTOMER_NUMBER}@trunk", "silent")
    until(lambda: "Ringing" in bench.softphone.cli("core", "show", "channels", "verbose"), "the ringing")
