"""What the operator has given to an organization; nothing in its office changes that (O1)."""

from enum import StrEnum

from msgspec import Struct

from services.directory.state.ceilings import Ceilings


class OrganizationState(StrEnum):
    """Suspended: nobody signs in, nothing is dialled, calls are rejected, and everything is kept."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class Grants(Struct, frozen=True, kw_only=True):
    """An organization's state, the ids of its PBXs, its public numbers (E.164), and its ceilings.

    `break_glass_agent_id`: the one administrator whose password opens logins; None: everybody's does.
    """

    state: OrganizationState = OrganizationState.ACTIVE
    pbxs: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    ceilings: Ceilings = Ceilings()
    break_glass_agent_id: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether its people may sign in and its phones be used."""
        return self.state is OrganizationState.ACTIVE

    def of_numbers(self, numbers: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the numbers that belong to the organization, in their order."""
        return tuple(number for number in numbers if number in self.numbers)
