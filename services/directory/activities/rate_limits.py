"""Limits tries in the database, for all replicas: failed logins by back-off and ceilings, others by number.

A try of a password counts as failed from its beginning, and is taken back once it was right: of any number of
tries at once, at any replicas, no more are checked than one after the other. Rows are locked in one order
(address, login, both). A refused try changes nothing.
"""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from sqlalchemy import Row, case, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.database import upsert
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import TRIES
from services.directory.rules.errors import Code, Problem, RequestRefused

WINDOW_MS: Final = 15 * 60_000
LOGIN_TRIES_MAX: Final = 10
"""In a window, of who is signed in already and types the own password again."""
ADDRESS_TRIES_MAX: Final = 100
"""Failed ones in a window: an office may stand behind one address."""
LOGIN_FAILURES_MAX: Final = 30
LOGIN_WINDOW_MS: Final = 3_600_000
"""Failed tries of a login in an hour, from all addresses but not its known devices: 720 guesses a day. One
address does not get there, so that it takes several to keep out who signs in on a new device."""
FREE_FAILURES: Final = 3
"""Typing errors that cost no wait, of one login from one address or device."""
BACK_OFF_MS_MAX: Final = 15 * 60_000
BACK_OFF_KEPT_MS: Final = 24 * 3_600_000
"""After a day without a try a back-off begins anew: at its longest that leaves 96 guesses a day."""
SUBJECT_LENGTH_MAX: Final = 120
HOME_BITS: Final = 64
"""The least that a provider's customer has of IPv6 (RFC 6177): each address would have tries of its own."""
_DOUBLINGS_MAX: Final = 10
"""A second doubled ten times is longer than the longest wait."""


class TooManyTries(RequestRefused):
    """Too many tries of a subject; they are allowed again after `seconds`."""

    def __init__(self, subject: str, seconds: int, code: Code = Code.TOO_MANY_TRIES) -> None:
        self.subject = subject
        self.seconds = seconds
        super().__init__(Problem(code=code, values={"seconds": str(seconds)}))


async def count(
    connection: AsyncConnection,
    subject: str,
    tries_max: int,
    now_at: Instant,
    *,
    window_ms: int = WINDOW_MS,
    shown: str = "",
    code: Code = Code.TOO_MANY_TRIES,
) -> None:
    """Count one try. Raises TooManyTries after too many in this window; `shown` names the subject then."""
    name = subject[:SUBJECT_LENGTH_MAX]
    made = upsert(connection, TRIES).values(
        subject=name, window_at=now_at, failed=1, expires_at=now_at + window_ms
    )
    is_past = TRIES.c.expires_at <= now_at
    changed = made.on_conflict_do_update(
        index_elements=["subject"],
        # Incremented by the database, so that two tries at once count twice.
        set_={
            "window_at": case((is_past, now_at), else_=TRIES.c.window_at),
            "failed": case((is_past, 1), else_=TRIES.c.failed + 1),
            "expires_at": case((is_past, now_at + window_ms), else_=TRIES.c.expires_at),
        },
    ).returning(TRIES.c.failed, TRIES.c.expires_at)
    row = (await connection.execute(changed)).one()
    if row.failed > tries_max:
        # The caller's transaction is rolled back: a refusal does not count.
        raise TooManyTries(shown or name, (row.expires_at - now_at) // 1000 + 1, code)


async def count_address(connection: AsyncConnection, address: str, now_at: Instant) -> None:
    """Count one try from an address. Raises TooManyTries."""
    await count(connection, _of_address(address), ADDRESS_TRIES_MAX, now_at)


async def take_back(connection: AsyncConnection, subject: str) -> None:
    """A try of a subject was right: it does not count."""
    where = (TRIES.c.subject == subject[:SUBJECT_LENGTH_MAX]) & (TRIES.c.failed > 0)
    await connection.execute(update(TRIES).where(where).values(failed=TRIES.c.failed - 1))


async def take_back_address(connection: AsyncConnection, address: str) -> None:
    """A try from an address was right: it does not count."""
    await take_back(connection, _of_address(address))


class Login:
    """The tries of one login by one client: of a known device, or from an address."""

    def __init__(self, organization_id: str, login: str, address: str, device_id: str | None) -> None:
        """`device_id` None: no device that this login's employee has signed in on."""
        # Digests, because people type passwords where the login belongs, and because columns are short.
        login_id = digest(f"{organization_id}\x00{login}")[:32]
        self._address = address
        self._login = f"login/{login_id}"
        self._pair = f"from/{login_id}/{network_of(address)}"[:SUBJECT_LENGTH_MAX]
        self._device = None if device_id is None else f"device/{device_id}"

    async def count(self, connection: AsyncConnection, now_at: Instant) -> None:
        """Count a failed try. Raises TooManyTries; a known device waits only for its own failures."""
        if self._device is not None:
            await _back_off(connection, self._device, "device", now_at)
            return
        await count_address(connection, self._address, now_at)
        await count(
            connection,
            self._login,
            LOGIN_FAILURES_MAX,
            now_at,
            window_ms=LOGIN_WINDOW_MS,
            shown="login",
        )
        await _back_off(connection, self._pair, f"address/{network_of(self._address)}", now_at)

    async def take_back(self, connection: AsyncConnection) -> None:
        """The try was right: it does not count, and this client's back-off begins anew."""
        if self._device is not None:
            await forget(connection, self._device)
            return
        await take_back_address(connection, self._address)
        await take_back(connection, self._login)
        await self.begin_anew(connection)

    async def begin_anew(self, connection: AsyncConnection) -> None:
        """The password is another one: the back-off of this login from this address begins anew."""
        await forget(connection, self._pair)


def network_of(address: str) -> str:
    """What tries are counted for: an IPv4 address, or the network of an IPv6 one; other text as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), HOME_BITS), strict=False))


def back_off_ms(failed: int) -> int:
    """How long to wait after so many failed tries in a row: 1 s, 2 s, 4 s and so on after the free ones."""
    if failed < FREE_FAILURES:
        return 0
    return min(1_000 << min(failed - FREE_FAILURES, _DOUBLINGS_MAX), BACK_OFF_MS_MAX)


async def forget(connection: AsyncConnection, subject: str) -> None:
    """Reset the count after a success."""
    await connection.execute(delete(TRIES).where(TRIES.c.subject == subject[:SUBJECT_LENGTH_MAX]))


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete windows and back-offs that have ended."""
    await connection.execute(delete(TRIES).where(TRIES.c.expires_at <= now_at))


def _of_address(address: str) -> str:
    return f"address/{network_of(address)}"


async def _back_off(connection: AsyncConnection, subject: str, shown: str, now_at: Instant) -> None:
    """Count a failed try in a row. Raises TooManyTries while the wait after those before lasts."""
    row = await _locked(connection, subject, now_at)
    failed = row.failed if now_at < row.expires_at else 0
    back_off = back_off_ms(failed)
    wait_ms = row.window_at + back_off - now_at
    # Without a back-off a wait is only that another replica's clock is ahead.
    if back_off and wait_ms > 0:
        raise TooManyTries(shown, -(-wait_ms // 1000))
    values = {"failed": failed + 1, "window_at": now_at, "expires_at": now_at + BACK_OFF_KEPT_MS}
    await connection.execute(update(TRIES).where(TRIES.c.subject == subject).values(**values))


async def _locked(connection: AsyncConnection, subject: str, now_at: Instant) -> Row[Any]:
    """A subject's row, which is there from now on: of several first tries at once, the others wait here."""
    made = upsert(connection, TRIES).values(
        subject=subject, window_at=now_at, failed=0, expires_at=now_at + BACK_OFF_KEPT_MS
    )
    # An update that changes nothing locks the row, and gives it back also where it was there.
    locked = made.on_conflict_do_update(index_elements=["subject"], set_={"subject": subject})
    row: Row[Any] = (await connection.execute(locked.returning(TRIES))).one()
    return row
