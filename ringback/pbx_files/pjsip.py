"""pjsip.conf's part: phones that register, trunks and other PBXs.

Transports and [global] are the operator's. Trunks and other PBXs are not asked whether they are there: one
that answers no OPTIONS would never be dialled, and one that is back only at the next question.
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.plain_text import UNSEEN
from ringback.pbx_files.plan import HOST, PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk

RTP_TIMEOUT_S: Final = 30
"""A phone that sends no sound for so long is gone: nothing else tells of one that lost its network."""
RTP_TIMEOUT_HOLD_S: Final = 7_200
"""On hold a phone may be silent, for as long as a talk may last."""
CODECS: Final = "alaw,ulaw"
"""Sound is A-law everywhere here; µ-law is what some trunks have only."""
REGISTERED_S_MAX: Final = 600
"""A phone whose password was replaced rings until its registration ends: ten minutes, not an hour."""
RETRY_S: Final = 60
"""Between two tries to register with a provider; Asterisk's own default."""

_NO_NAME: Final = re.compile(rf'[{UNSEEN}"\\<>]+')
"""What would end a quoted name, or what nobody sees."""

# One contact, the newest: only the first of several would be dialled. `auto_info` takes keys by RFC 4733 from
# phones that have it and by INFO from the others. Transfers are not in the telephony port yet.
_ENDPOINT: Final = f"""type = endpoint
disallow = all
allow = {CODECS}
direct_media = no
allow_transfer = no
allow_subscribe = no
allow_overlap = no
rtp_symmetric = yes
rtp_timeout = {RTP_TIMEOUT_S}
rtp_timeout_hold = {RTP_TIMEOUT_HOLD_S}
dtmf_mode = auto_info
"""
_PHONE, _LINK, _PHONE_CONTACT = "ringback-phone", "ringback-link", "ringback-phone-contact"


def pjsip_conf(plan: PbxPlan) -> str:
    """Render what pjsip.conf includes."""
    return "\n".join(_sections(plan)) + "\n"


def _sections(plan: PbxPlan) -> Iterator[str]:
    yield f"; Phones and links of {plan.pbx_id}. Written by a program: changes get lost.\n"
    media = ""
    if plan.media_address:
        media = f"media_address = {plan.media_address}\nbind_rtp_to_media_address = yes\n"
    yield f"[{_PHONE}](!)\n{_ENDPOINT}{media}context = from-phones\n"
    # Whoever has these addresses is trusted to say who calls.
    yield f"[{_LINK}](!)\n{_ENDPOINT}{media}trust_id_inbound = yes\n"
    yield (
        f"[{_PHONE_CONTACT}](!)\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n"
        f"maximum_expiration = {REGISTERED_S_MAX}\ndefault_expiration = {REGISTERED_S_MAX}\n"
        f"qualify_frequency = {plan.qualify_s}\n"
    )
    yield from map(_phone, plan.phones)
    yield from (_trunk(trunk, plan) for trunk in plan.trunks)
    yield from map(_peer, plan.peers)


def _phone(phone: PlannedPhone) -> str:
    name = phone.extension
    return (
        f"[{name}]({_PHONE})\nauth = {name}\naors = {name}\ncallerid = {caller_id(phone)}\n"
        f"[{name}]\ntype = auth\nusername = {name}\npassword = {value(phone.password)}\n"
        f"[{name}]({_PHONE_CONTACT})\n"
    )


def _trunk(trunk: PlannedTrunk, plan: PbxPlan) -> str:
    name = trunk.name
    text = f"[{name}]({_LINK})\ncontext = from-trunk\naors = {name}\n"
    if trunk.username:
        text += (
            f"outbound_auth = {name}\n"
            f"[{name}]\ntype = auth\nusername = {trunk.username}\n"
            f"password = {value(trunk.password)}\n"
        )
    text += f"[{name}]\ntype = aor\ncontact = sip:{trunk.host}\n"
    text += _identify(name, trunk.host, *trunk.networks)
    if trunk.is_registered:
        contact_user = f"contact_user = {plan.outside_number}\n" if plan.outside_number else ""
        text += (
            f"[{name}]\ntype = registration\noutbound_auth = {name}\nserver_uri = sip:{trunk.host}\n"
            f"client_uri = sip:{trunk.username}@{trunk.host}\n{contact_user}retry_interval = {RETRY_S}\n"
        )
    return text


def _peer(peer: PlannedPeer) -> str:
    name = peer.pbx_id
    return (
        f"[{name}]({_LINK})\ncontext = from-peers\naors = {name}\n"
        f"[{name}]\ntype = aor\ncontact = sip:{peer.host}\n"
        f"{_identify(name, peer.host)}"
    )


def _identify(name: str, host: str, *networks: str) -> str:
    """Calls from these addresses are this endpoint's."""
    found = HOST.fullmatch(host)
    address = found["host"].strip("[]") if found else host
    matches = "".join(f"match = {each}\n" for each in (address, *networks))
    return f"[{name}]\ntype = identify\nendpoint = {name}\n{matches}"


def caller_id(phone: PlannedPhone) -> str:
    """A name of a person, as Asterisk reads it, and the extension."""
    name = " ".join(_NO_NAME.sub(" ", phone.display_name).split())
    return f'"{value(name)}" <{phone.extension}>' if name else f"<{phone.extension}>"


def value(text: str) -> str:
    """A text as one value: a semicolon would begin a comment."""
    return text.replace(";", "\\;")
