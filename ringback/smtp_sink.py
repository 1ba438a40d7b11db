"""A mail server for demo and tests: keeps each letter as .eml, refuses recipients on demand.

A letter is `<n>.eml` exactly as received, beside `<n>.json` with the envelope (sender, recipients, instant).
`refusals.json` in the same folder names recipients to refuse and is read again for each recipient; see
ringback.stack.parts.Smtp.refuse.
"""

import argparse
import asyncio
import fnmatch
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ringback.stack.process import why_port_is_refused
from ringback.stack.signals import SIGNALS

# A three-minute MP3 with its base64 is under 4 MB; the limit is that of a usual mail server.
LETTER_BYTES_MAX = 33_554_432


class Sink:
    """The handler that aiosmtpd calls for each recipient and each letter."""

    def __init__(self, folder: Path) -> None:
        """Letters already in the folder stay, and numbering continues after them."""
        self._folder = folder
        self._count = max((int(path.stem) for path in folder.glob("[0-9]*.eml")), default=0)
        self._used: Counter[str] = Counter()

    def _refusal(self, address: str, stage: str) -> int | None:
        """The answer code that `refusals.json` sets for this address at this stage; None: accepted."""
        file = self._folder / "refusals.json"
        if not file.exists():
            return None
        for rule in json.loads(file.read_text(encoding="utf-8")):
            if rule["stage"] != stage or not fnmatch.fnmatchcase(address, rule["pattern"]):
                continue
            if rule["times"] is None or self._used[rule["id"]] < rule["times"]:
                self._used[rule["id"]] += 1
                return int(rule["code"])
        return None

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, or answer with a refusal's code."""
        code = self._refusal(address, "rcpt")
        if code is not None:
            return f"{code} refused on demand: {address}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the letter, or refuse it, or keep it and cut the connection, as a refusal says."""
        codes = [self._refusal(address, "data") for address in envelope.rcpt_tos]
        code = next((code for code in codes if code is not None), None)
        if code:
            return f"{code} letter refused on demand"
        number = self._keep(envelope)
        if code == 0 and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return f"250 kept as {number:04}.eml"

    def _keep(self, envelope: Envelope) -> int:
        """Write the envelope, then the letter: when the .eml is there, both are complete."""
        self._count += 1
        stem = self._folder / f"{self._count:04}"
        about = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "received_at": time.time(),
        }
        stem.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        content = envelope.content or b""
        stem.with_suffix(".part").write_bytes(content.encode() if isinstance(content, str) else content)
        stem.with_suffix(".part").rename(stem.with_suffix(".eml"))
        return self._count


def closed(certificate: Path, key: Path, login: Path) -> dict[str, Any]:
    """Options of a server that takes letters only after STARTTLS and a login, which a file has as
    `user:password`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    user, _, password = login.read_text(encoding="utf-8").strip().partition(":")
    expected = LoginPassword(login=user.encode(), password=password.encode())

    def logged_in(_s: SMTP, _session: Session, _envelope: Envelope, _how: str, given: object) -> AuthResult:
        return AuthResult(success=given == expected, handled=False)

    return {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "auth_require_tls": True,
        "authenticator": logged_in,
    }


async def serve(port: int, folder: Path, options: Mapping[str, Any]) -> None:
    """Serve until one of `SIGNALS`. Raises OSError when the port can't be had."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for sign in SIGNALS:
        loop.add_signal_handler(sign, stopped.set)
    controller = UnthreadedController(
        Sink(folder),
        hostname="127.0.0.1",
        port=port,
        loop=loop,
        enable_SMTPUTF8=True,
        data_size_limit=LETTER_BYTES_MAX,
        **options,
    )
    server = await controller._create_server()  # noqa: SLF001 (begin() wants a loop that is not running)
    print(f"keeping letters in {folder}, listening on 127.0.0.1:{port}", flush=True)
    await stopped.wait()
    server.close()
    await server.wait_closed()


def main(argv: list[str]) -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ringback smtp_sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--closed", type=Path, nargs=3, metavar=("CERTIFICATE", "KEY", "LOGIN"))
    options = parser.parse_args(argv)
    options.dir.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(serve(options.port, options.dir, closed(*options.closed) if options.closed else {}))
    except (OSError, OverflowError) as error:
        print(f"smtp_sink: {why_port_is_refused(options.port, error)}", file=sys.stderr)
        return 1
    return 0
