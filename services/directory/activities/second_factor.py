"""Second factors: one-time codes by time (TOTP, RFC 6238), and recovery codes for a lost device.

A secret that was begun is kept beside the one in force until a code confirms it: whoever gets another phone
is never without. Each code is accepted once: its time step is stored and compared in one statement, so that
of two replicas with one code at once one accepts it. A recovery code is a row, which one request deletes.
"""

from enum import StrEnum
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.database import upsert
from services.directory.activities.sealed_secrets import SecretBox, digest, generated_password
from services.directory.activities.tables import RECOVERY_CODES, SECOND_FACTORS

STEP_S: Final = 30
"""What every authenticator app takes by default (RFC 6238, 5.2)."""
CODE_DIGITS: Final = 6
STEPS_ASIDE: Final = 1
"""A phone's clock may be wrong by a step, and a person takes some time to type (RFC 6238, 5.2)."""
ISSUER: Final = "Ringback"
"""What an authenticator app shows above the login."""
RECOVERY_CODES_MADE: Final = 10
_GROUPS: Final = 3
_GROUP_LETTERS: Final = 6
"""Eighteen letters of thirty-one: some 89 bits, so that a digest keeps them safe."""


class Given(StrEnum):
    """By what a person has shown the second factor."""

    CODE = "code"
    RECOVERY_CODE = "recovery_code"


class SecondFactors:
    """Makes, seals and checks the second factors of employees."""

    def __init__(self, secret_box: SecretBox) -> None:
        self._secret_box = secret_box

    async def begin(self, connection: AsyncConnection, organization_id: str, agent_id: str) -> str:
        """A new secret (base32), not in force until `confirm`; it replaces an earlier one that is neither."""
        secret = pyotp.random_base32()
        key = {"organization_id": organization_id, "agent_id": agent_id, "is_active": False}
        values = {"sealed_secret": self._secret_box.seal(secret), "last_step": 0}
        made = upsert(connection, SECOND_FACTORS).values(**key, **values)
        await connection.execute(made.on_conflict_do_update(index_elements=list(key), set_=values))
        return secret

    async def confirm(
        self, connection: AsyncConnection, organization_id: str, agent_id: str, code: str, now_at: Instant
    ) -> tuple[str, ...] | None:
        """Put the secret that was begun in force, in place of an earlier one, and make its recovery codes.

        None: nothing was begun, or the code is wrong.
        """
        if not await self._accepted(connection, organization_id, agent_id, code, now_at, is_active=False):
            return None
        mine = _of(organization_id, agent_id)
        await connection.execute(delete(SECOND_FACTORS).where(mine, SECOND_FACTORS.c.is_active.is_(True)))
        await connection.execute(update(SECOND_FACTORS).where(mine).values(is_active=True))
        return await renew_recovery_codes(connection, organization_id, agent_id)

    async def spend(
        self, connection: AsyncConnection, organization_id: str, agent_id: str, text: str, now_at: Instant
    ) -> Given | None:
        """Accept a code or a recovery code, which is valid once. None: it is wrong, or was used."""
        if is_code(text):
            is_right = await self._accepted(
                connection, organization_id, agent_id, text, now_at, is_active=True
            )
            return Given.CODE if is_right else None
        spent = delete(RECOVERY_CODES).where(
            RECOVERY_CODES.c.organization_id == organization_id,
            RECOVERY_CODES.c.agent_id == agent_id,
            RECOVERY_CODES.c.digest == digest(_as_made(text)),
        )
        return Given.RECOVERY_CODE if (await connection.execute(spent)).rowcount == 1 else None

    async def _accepted(
        self,
        connection: AsyncConnection,
        organization_id: str,
        agent_id: str,
        code: str,
        now_at: Instant,
        *,
        is_active: bool,
    ) -> bool:
        its = _of(organization_id, agent_id) & SECOND_FACTORS.c.is_active.is_(is_active)
        sealed = (await connection.execute(select(SECOND_FACTORS.c.sealed_secret).where(its))).scalar()
        if sealed is None:
            return False
        totp = pyotp.TOTP(self._secret_box.open(sealed), digits=CODE_DIGITS, interval=STEP_S)
        try:
            step = totp.verify_and_get_timecode(code, for_time=now_at // 1000, valid_window=STEPS_ASIDE)
        except OTPVerificationError:
            return False
        # The secret is compared, too: another request may have replaced it since it was read.
        unused = its & (SECOND_FACTORS.c.sealed_secret == sealed) & (SECOND_FACTORS.c.last_step < step)
        return (
            await connection.execute(update(SECOND_FACTORS).where(unused).values(last_step=step))
        ).rowcount == 1


def is_code(text: str) -> bool:
    """Whether a text is a code of an authenticator app, and no recovery code."""
    return text.isascii() and text.isdecimal()


def address_of(secret: str, login: str, organization_id: str) -> str:
    """The `otpauth://` URI that an authenticator app reads from a QR code."""
    totp = pyotp.TOTP(secret, digits=CODE_DIGITS, interval=STEP_S)
    return totp.provisioning_uri(name=f"{login}@{organization_id}", issuer_name=ISSUER)


async def is_active(connection: AsyncConnection, organization_id: str, agent_id: str) -> bool:
    """Whether an employee has a second factor in force."""
    its = _of(organization_id, agent_id) & SECOND_FACTORS.c.is_active.is_(True)
    return (await connection.execute(select(SECOND_FACTORS.c.last_step).where(its))).first() is not None


async def renew_recovery_codes(
    connection: AsyncConnection, organization_id: str, agent_id: str
) -> tuple[str, ...]:
    """Replace every recovery code of an employee; the new ones are shown only now."""
    await _forget_recovery_codes(connection, organization_id, agent_id)
    made = tuple(_recovery_code() for _ in range(RECOVERY_CODES_MADE))
    whose = {"organization_id": organization_id, "agent_id": agent_id}
    rows = [{**whose, "digest": digest(_as_made(code))} for code in made]
    await connection.execute(insert(RECOVERY_CODES), rows)
    return made


async def recovery_codes_left(connection: AsyncConnection, organization_id: str, agent_id: str) -> int:
    """How many recovery codes of an employee are still valid."""
    query = select(func.count()).where(
        RECOVERY_CODES.c.organization_id == organization_id, RECOVERY_CODES.c.agent_id == agent_id
    )
    return (await connection.execute(query)).scalar_one()


async def take(connection: AsyncConnection, organization_id: str, agent_id: str) -> bool:
    """Delete an employee's secrets, in force or begun, and recovery codes; whether one was in force."""
    was_active = await is_active(connection, organization_id, agent_id)
    await connection.execute(delete(SECOND_FACTORS).where(_of(organization_id, agent_id)))
    await _forget_recovery_codes(connection, organization_id, agent_id)
    return was_active


async def _forget_recovery_codes(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    mine = (RECOVERY_CODES.c.organization_id == organization_id) & (RECOVERY_CODES.c.agent_id == agent_id)
    await connection.execute(delete(RECOVERY_CODES).where(mine))


def _of(organization_id: str, agent_id: str) -> ColumnElement[bool]:
    return (SECOND_FACTORS.c.organization_id == organization_id) & (SECOND_FACTORS.c.agent_id == agent_id)


def _recovery_code() -> str:
    return "-".join(generated_password(_GROUP_LETTERS) for _ in range(_GROUPS))


def _as_made(text: str) -> str:
    """A recovery code without what people leave out or add when they type it from paper."""
    return text.lower().replace("-", "").replace(" ", "")
