"""The directory's latest cards: the names, departments and rights that history shows and obeys."""

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from contracts import directory, rights
from contracts.dialling import DiallingPolicy
from contracts.directory import (
    AgentSaved,
    DepartmentSaved,
    OrganizationSaved,
    PbxSaved,
    RightsSaved,
    TokenSaved,
)
from contracts.ids import AgentId, DepartmentId, Instant, OrganizationId, PbxId
from contracts.message import Fact
from contracts.rights import Action, Person, Program
from services.history.state import Contact, Whither, Who

Card = OrganizationSaved | PbxSaved | AgentSaved | DepartmentSaved | RightsSaved | TokenSaved
CARDS: Final[tuple[type[Card], ...]] = (
    directory.OrganizationSaved,
    directory.PbxSaved,
    directory.AgentSaved,
    directory.DepartmentSaved,
    directory.RightsSaved,
    directory.TokenSaved,
)
KINDS_OF_RIGHTS: Final = tuple(
    each.__name__ for each in (RightsSaved, TokenSaved, DepartmentSaved, OrganizationSaved)
)
_ID_FIELDS: Final[dict[type[Fact], str]] = {
    OrganizationSaved: "organization_id",
    PbxSaved: "pbx_id",
    AgentSaved: "agent_id",
    DepartmentSaved: "department_id",
    RightsSaved: "agent_id",
    TokenSaved: "token_id",
}


def key_of(card: Card) -> tuple[str, str]:
    """A card's key: its kind and its id."""
    return type(card).__name__, getattr(card, _ID_FIELDS[type(card)])


class CardCache:
    """One organization's cards in memory."""

    def __init__(self, organization_id: OrganizationId) -> None:
        self.organization_id = organization_id
        self._cards: dict[tuple[str, str], Card] = {}

    def save(self, card: Card) -> bool:
        """Keep a card if it is newer than the stored one; whether it was."""
        known = self._cards.get(key_of(card))
        if known is not None and known.version >= card.version:
            return False
        self._cards[key_of(card)] = card
        return True

    def _get(self, kind: type[Card], id_: str) -> Card | None:
        return self._cards.get((kind.__name__, id_))

    @property
    def organization(self) -> OrganizationSaved | None:
        """The organization's own card."""
        found = self._get(OrganizationSaved, self.organization_id)
        return found if isinstance(found, OrganizationSaved) else None

    @property
    def policy(self) -> DiallingPolicy:
        """How numbers are read; only international ones until the organization's card is known."""
        card = self.organization
        return DiallingPolicy(home_region="") if card is None else card.dialling_policy

    def agent(self, agent_id: AgentId) -> AgentSaved | None:
        """An agent's card."""
        found = self._get(AgentSaved, agent_id)
        return found if isinstance(found, AgentSaved) else None

    def department(self, department_id: DepartmentId) -> DepartmentSaved | None:
        """A department's card."""
        found = self._get(DepartmentSaved, department_id)
        return found if isinstance(found, DepartmentSaved) else None

    def pbx(self, pbx_id: PbxId) -> PbxSaved | None:
        """A PBX's card."""
        found = self._get(PbxSaved, pbx_id)
        return found if isinstance(found, PbxSaved) else None

    def program(self, token_id: str, issued_at: Instant) -> Program | None:
        """What a token may do; None where it is unknown, or was revoked or made anew since."""
        found = self._get(TokenSaved, token_id)
        if not isinstance(found, TokenSaved) or found.is_revoked or issued_at < found.issued_at:
            return None
        return Program(
            organization_id=self.organization_id,
            token_id=token_id,
            actions=frozenset(Action(each) for each in found.actions if each in set(Action)),
            departments=frozenset(found.department_ids),
        )

    def departments(self) -> list[DepartmentSaved]:
        """All departments, by id."""
        found = [card for card in self._cards.values() if isinstance(card, DepartmentSaved)]
        return sorted(found, key=lambda card: card.department_id)

    def zone(self, department_id: DepartmentId | None = None) -> ZoneInfo:
        """A department's zone, else the organization's, else UTC; an unknown zone is UTC, too."""
        department = None if department_id is None else self.department(department_id)
        card = department or self.organization
        try:
            return ZoneInfo("UTC" if card is None else card.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo("UTC")

    def who(self, agent_id: AgentId, contact: Contact) -> Who:
        """An agent as a contact's row shows it (O4, O8); by id where the card is unknown."""
        card = self.agent(agent_id)
        if card is None:
            return Who(agent_id=agent_id, name=str(agent_id))
        pbx = None if card.pbx_id == contact.pbx_id else self.pbx(card.pbx_id)
        if pbx is None:
            return Who(agent_id=agent_id, name=card.name)
        return Who(
            agent_id=agent_id,
            name=card.name,
            pbx_name=pbx.name,
            through=pbx.numbers[0] if pbx.numbers else "",
        )

    def whither(self, department_id: DepartmentId, contact: Contact) -> Whither:
        """A department as a contact's row shows it."""
        card = self.department(department_id)
        if card is None:
            return Whither(department_id=department_id, name=str(department_id))
        pbx = None if card.pbx_id == contact.pbx_id else self.pbx(card.pbx_id)
        return Whither(department_id=department_id, name=card.name, pbx_name="" if pbx is None else pbx.name)

    def person(self, agent_id: AgentId) -> Person | None:
        """An employee's role and departments, for the table of rights; None without any rights."""
        saved, card = self._get(RightsSaved, agent_id), self.agent(agent_id)
        if not isinstance(saved, RightsSaved) or saved.is_removed or (card is not None and card.is_removed):
            return None
        departments = [each for each in self.departments() if not each.is_removed]
        hidden_from = () if self.organization is None else self.organization.numbers_hidden_from
        return Person(
            organization_id=self.organization_id,
            agent_id=agent_id,
            role=saved.role,
            sees_organization=saved.sees_organization,
            may_download=saved.may_download,
            may_hear=saved.may_hear,
            sees_numbers=saved.role not in hidden_from,
            departments=rights.own_departments(
                saved.role,
                heads=(each.department_id for each in departments if agent_id in each.head_ids),
                sits_in=(
                    each.department_id
                    for each in departments
                    if any(seat.agent_id == agent_id for seat in each.agents)
                ),
            ),
        )


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final[msgspec.json.Decoder[Card]] = msgspec.json.Decoder(Card)


def encoded(card: Card) -> str:
    """A card as its document."""
    return _ENCODER.encode(card).decode()


def decoded(document: str) -> Card:
    """A card from its document. Raises msgspec.DecodeError."""
    return _DECODER.decode(document)
