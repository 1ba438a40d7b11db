"""`LISTEN=address`: your own softphone at the cloud PBX, as a customer or as an agent.

The PBX listens at one more address, where only these two logins belong; everything else stays on loopback.
The customer's calls come as from the public network, which brings calls to the customer's number.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contracts.ids import PbxId
from devtools.phone_networks import RealPhones
from ringback.pbx_files.plan import PbxPlan
from ringback.stack.asterisk.configuration import SIP_PORT
from ringback.stack.asterisk.instance import Texts, texts

CUSTOMER: Final = "customer"
CUSTOMER_NUMBER: Final = "+79000000199"
AGENT: Final = "210"
LINE: Final = "+74950001000"
RING_S: Final = 60
PASSWORD_BYTES: Final = 9
RISK: Final = "whoever reaches this address may try to log in and to call: only inside your own network"


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


@dataclass(frozen=True, slots=True)
class Softphones:
    """Two logins, with passwords of this run."""

    address: str
    customer_password: str = field(default_factory=_password, repr=False)
    agent_password: str = field(default_factory=_password, repr=False)

    def let_in(self, phones: RealPhones, pbx_id: PbxId) -> None:
        """Let a running PBX listen for them, too."""
        phones.instances[pbx_id].reconfigure(**self.texts(phones.plans[pbx_id]))

    def told(self) -> str:
        """What somebody types into a softphone, and the risk."""
        return (
            f"\nyour turn   your softphone's server is {self.address}:{SIP_PORT}, by UDP; Ctrl-C ends it\n"
            f"  customer  user {CUSTOMER}, password {self.customer_password}; call {LINE} and wait in sales\n"
            f"  agent     user {AGENT}, password {self.agent_password}; you are an agent of sales\n"
            f"the risk    {RISK}"
        )

    def texts(self, plan: PbxPlan) -> Texts:
        """The files of a PBX that listens for them, too."""
        plain = texts(plan)
        return Texts(pjsip=self._with_logins(plain["pjsip"]), extensions=plain["extensions"] + _dialplan())

    def _with_logins(self, pjsip: Callable[[str], str]) -> Callable[[str], str]:
        def both(address: str) -> str:
            # SIP goes out by the transport that stands first, unless an endpoint names one.
            return pjsip(address) + self._sections()

        return both

    def _sections(self) -> str:
        text = f"[softphones]\ntype = transport\nprotocol = udp\nbind = {self.address}:{SIP_PORT}\n"
        text += _login(
            CUSTOMER,
            self.customer_password,
            self.address,
            f"context = from-softphone\ncallerid = <{CUSTOMER_NUMBER}>",
        )
        return text + _login(AGENT, self.agent_password, self.address, f"callerid = <{AGENT}>")


def with_agent(office: str) -> str:
    """The demo's office with one more agent of sales, whose phone is the softphone."""
    employee = f"{{ name: Ваш телефон, pbx: cloud, extension: {AGENT} }}"
    return office.replace("employees:\n", f"employees:\n  you: {employee}\n").replace(
        "agents: [gusev, ", "agents: [you, gusev, "
    )


def _login(name: str, password: str, address: str, more: str) -> str:
    """A phone like all others of the plan, but at another address."""
    return (
        f"[{name}](ringback-phone)\ntransport = softphones\nmedia_address = {address}\nauth = {name}\n"
        f"aors = {name}\n{more}\n"
        f"[{name}]\ntype = auth\nauth_type = digest\nusername = {name}\npassword = {password}\n"
        f"[{name}](ringback-phone-contact)\n"
    )


def _dialplan() -> str:
    """A customer dials as on the public network, which brings calls to the customer's number here."""
    return (
        f"[from-softphone]\nexten => _[+0-9].,1,Goto(from-trunk,${{EXTEN}},1)\n"
        f"[from-trunk](+)\nexten => {CUSTOMER_NUMBER},1,Dial(PJSIP/{CUSTOMER},{RING_S})\n"
        f" same => n,Hangup(${{HANGUPCAUSE}})\n"
    )
