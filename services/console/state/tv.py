"""What the directory takes and answers about tokens, and what a screen on a wall is known by."""

import msgspec

from services.console.state.answers import ServiceLevel


class TokenDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A new token: its name, what it may do, and in which departments."""

    name: str
    actions: tuple[str, ...]
    department_ids: tuple[str, ...]


class TokenShown(msgspec.Struct, frozen=True, kw_only=True):
    """A token, shown this once."""

    id: str
    token: str


class TokenCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a token may do, and where; no departments: in all of them."""

    name: str
    actions: tuple[str, ...]
    department_ids: tuple[str, ...] = ()


class TokenUsed(msgspec.Struct, frozen=True, kw_only=True):
    """When a token was used last, ms since 1970; None: never yet."""

    last_used_at: int | None


class TokenListed(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the list."""

    id: str
    version: int
    card: TokenCard
    token: TokenUsed | None


class TokensListed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of tokens; `next` is the cursor of those that follow."""

    cards: tuple[TokenListed, ...]
    next: str | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A token that waits for the screen that types its code."""

    organization: str
    token: str


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen has in its sealed cookie: its token, and what its page says without the directory."""

    organization: str
    token: str
    organization_name: str
    timezone: str
    service_level: ServiceLevel = ServiceLevel()
