"""The security stream: what whoever watches an installation wants to know, under names that do not change.

Each event is one line of the logger `ringback.security`, at INFO, in the configured format, and one count in
`ringback_security_events_total`. The fields of every event: `event` (a name below), `organization_id` (empty:
of no organization), `actor` (`agent/…`, `token/…`, `operator/…`; empty: nobody known), `subject` (what it was
done to), `outcome`. Its further fields stand after «Details:». Phone numbers are masked, secrets are never
passed here; `address` is the client's network address and is kept whole, because an attack is traced by it.
"""

import logging
import re
import time
from collections.abc import Callable
from enum import StrEnum, unique
from typing import Any, Final, Literal
from urllib.parse import unquote

import structlog

from runtime import metrics
from runtime.masking import masked_for_log
from runtime.throttle import Throttle

LOGGER: Final = "ringback.security"
TEXT_LENGTH_MAX: Final = 200
"""A stranger's text (a path, a name) is cut here, so that nobody fills the stream."""
Outcome = Literal["ok", "refused", "failed"]

_ADDRESS: Final = "address"
_NUMBER: Final = re.compile(r"(?<![\w.:-])\+?\d{7,15}(?![\w.:-])")


@unique
class SecurityEvent(StrEnum):
    """The closed list of names. docs/security-events.md is generated from it."""

    LOGIN = "session.login"
    """Somebody gave a password: `ok`, or `refused` for a wrong one and for an unknown login, which is not
    named, because people type passwords there. Details: address, login."""
    LOGGED_OUT = "session.logged_out"
    """A person ended a login with all its tokens."""
    LOGINS_ENDED = "session.ended"
    """So many logins of an employee were ended from the list of them, by the employee or an administrator.
    Details: logins, address."""
    OPENID = "session.openid"
    """Somebody came from the organization's provider of identities: `ok`, `refused` where its word is not
    taken or names nobody here, `failed` where it gave no answer that can be used. Details: address, why."""
    BREAK_GLASS = "session.break_glass"
    """The one administrator whose password stays has used it, in an organization that signs in by its
    provider alone: whoever watches asks why. Details: address, login."""
    IDENTITY_LINKED = "identity.linked"
    """An account at the provider was linked with an employee, in place of an earlier one. `subject` is the
    employee. Details: address, issuer, is_first (by a one-time password)."""
    IDENTITY_UNLINKED = "identity.unlinked"
    """An employee's account at the provider was unlinked, by the employee or by another person. `subject` is
    the employee. Details: address."""
    LOCKED_OUT = "session.locked_out"
    """Too many tries: logins, password changes or recoveries are refused for a while. `subject` is what is
    limited. Details: address, seconds."""
    REFRESH_REUSED = "session.refresh_reused"
    """A refresh token was used twice, as a thief would: that login has ended with all its tokens. Details:
    address."""
    SECOND_FACTOR = "session.second_factor"
    """Somebody who gave the right password gave a code of the second factor: `ok`, or `refused` for a wrong
    or used one. `by` is `code` or `recovery_code`. Details: address, by, recovery_codes_left."""
    REAUTHENTICATED = "session.reauthenticated"
    """A person gave the password, and the code, once more in an open login; `refused` for a wrong one.
    Details: address."""
    SECOND_FACTOR_CHANGED = "second_factor.changed"
    """A person changed the own second factor: `set_up`, `removed`, or other `recovery_codes`. A reset by an
    administrator is `secret.changed`. Details: address, change."""
    PASSWORD_CHANGED = "password.changed"
    """A person replaced the own password; `refused` if the old one was wrong. Details: address."""
    RECOVERY_ASKED = "password.recovery_asked"
    """A code to recover a password was asked for. The answer never tells whether it was sent. Details:
    address, is_sent."""
    RECOVERED = "password.recovered"
    """A recovery code was given: `ok`, or `refused` for a wrong one. Details: address."""
    TOKEN_REFUSED = "access.token_refused"
    """A request came with no valid token (401): none, forged, expired, revoked, or of an ended login. Of one
    address sixty a minute have a line of their own; `times` says for how many the next one stands. Details:
    address, method, path, times."""
    ADDRESS_REFUSED = "access.address_refused"
    """A request came with a client's address that the console has not signed for it: forged, expired, or sent
    again for another request. It was ignored, and the address of the connection counts. Details: address,
    method, path, reason, times."""
    ACCESS_REFUSED = "access.refused"
    """Somebody asked for what rights do not give (403). `subject` is what it was about. Details: action,
    address."""
    ROLE_CHANGED = "role.changed"
    """An employee's role was given or changed, or what it reaches; `refused` where a provider of
    identities says another role, but this one must stay. Details: before, after, why."""
    SECRET_CHANGED = "secret.changed"
    """An employee's secret was set by another person, or replaced. Details: secret."""
    PHONE_PASSWORD_SHOWN = "secret.phone_password_shown"
    """The one-time link of a letter showed its employee's phone password; `subject` is whose. Details:
    address."""
    TOKEN_MADE = "token.made"
    """A program's token was made. Details: actions."""
    TOKEN_REVOKED = "token.revoked"
    """A program's token was revoked."""
    AUDIO_LINKED = "history.audio_linked"
    """A link to a recording or a voice message was handed out. Details: address."""
    DOWNLOADED = "history.downloaded"
    """History or statistics were downloaded as CSV. Details: address, filters."""
    CUSTOMER_ERASED = "customer.erased"
    """A customer's data were erased everywhere. `subject` is the masked number. Details: address."""
    OPERATOR_ACTED = "operator.acted"
    """Whoever runs the installation did something by `python -m ringback operator`. Details: act."""
    QUOTA_REFUSED = "quota.refused"
    """An organization was over a quota (429, or a call that was not carried). Details: quota, limit,
    seconds."""
    POLICY_REFUSED = "policy.refused"
    """A dial or a text was refused by the dialling policy. Details: what, reason, number."""
    OUTBOX_SET_ASIDE = "outbox.set_aside"
    """A row of an outbox can't be sent and was set aside. Details: reason, bytes."""


# Its own level and class: no setting of the level of other lines may silence this stream.
_logger = logging.getLogger(LOGGER)
_logger.setLevel(logging.INFO)
_log: Any = structlog.wrap_logger(_logger, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


def emit(
    name: SecurityEvent,
    *,
    organization_id: str,
    actor: str,
    subject: str = "",
    outcome: Outcome = "ok",
    **details: object,
) -> None:
    """Write one event to the stream and count it. Numbers in any text are masked; `address` is kept."""
    metrics.SECURITY_EVENTS.labels(name.value, outcome).inc()
    shown = {key: _shown(key, value) for key, value in details.items()}
    _log.info(
        name.value,
        logger=LOGGER,
        organization_id=organization_id,
        actor=_shown("actor", actor),
        subject=_shown("subject", subject),
        outcome=outcome,
        **shown,
    )


class Strangers:
    """Tells of requests whose sender nobody knows: anybody can send thousands, and each would be a line."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._throttle: Throttle[None] = Throttle()

    def refused(self, *, address: str, method: str, path: str) -> None:
        """A request without a valid token was refused: an event, or counted and told with a later one."""
        self._tell(SecurityEvent.TOKEN_REFUSED, address, method=method, path=path)

    def address_refused(self, *, address: str, method: str, path: str, reason: str) -> None:
        """A client's address was not signed by the console, and ignored; `address` is the connection's."""
        self._tell(SecurityEvent.ADDRESS_REFUSED, address, method=method, path=path, reason=reason)

    def _tell(self, event: SecurityEvent, address: str, **details: str) -> None:
        times = self._throttle.times(address, round(self._now_s() * 1000), None)
        if not times:
            metrics.SECURITY_EVENTS.labels(event.value, "refused").inc()
            return
        more: dict[str, Any] = {"times": times} if times > 1 else {}
        emit(event, organization_id="", actor="", outcome="refused", address=address, **details, **more)


def _shown(key: str, value: object) -> object:
    """A value as the stream may have it: short, without phone numbers."""
    if value is None or isinstance(value, bool | int | float):
        return masked_for_log(value) if key == "number" else value
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(key, each) for each in sorted(map(str, value))]
    text = str(value)[:TEXT_LENGTH_MAX]
    if key == _ADDRESS:
        return text
    if key == "number":
        return masked_for_log(text)
    if key == "path":
        # As a request has it, a number may be written in escapes.
        text = unquote(text)
    return _NUMBER.sub(lambda found: masked_for_log(found[0]), text)
