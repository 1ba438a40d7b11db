"""The organization's wishes and the operator's ceilings: what a save refuses, and what the log says (C10)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.dialling import NO_REGION, DiallingPolicy
from services.directory.rules.errors import Code, Problem
from services.directory.state.ceilings import Ceilings
from services.directory.state.office import Office

COUNTS: Final = ("orders_per_minute_max", "orders_per_day_max", "minutes_per_day_max")
"""Numbers that card and ceilings call alike; one that the card leaves empty is the ceiling."""


class Excess(NamedTuple):
    """A value of the card that is above its ceiling."""

    field: str
    value: str
    ceiling: str


def policy(office: Office) -> DiallingPolicy:
    """The policy for the log: the card's, clamped to the ceilings, with the PBXs' numbers, never dialled."""
    said, ceilings = office.organization.dialling, office.grants.ceilings
    return DiallingPolicy(
        is_on=said.is_on and office.grants.is_active,
        home_region=said.home_region,
        allowed_regions=_regions(office),
        denied_numbers=said.denied_numbers,
        own_numbers=tuple(number for pbx in office.pbxs.values() for number in pbx.numbers),
        satellite_numbers=said.satellite_numbers[: ceilings.satellite_numbers_max],
        orders_per_hour_per_number_max=said.orders_per_hour_per_number_max,
        orders_per_day_per_number_max=said.orders_per_day_per_number_max,
        orders_per_minute_per_department_max=said.orders_per_minute_per_department_max,
        orders_per_minute_max=min(said.orders_per_minute_max, ceilings.orders_per_minute_max),
        allowed_types=tuple(
            each for each in ceilings.number_types if said.allowed_types is None or each in said.allowed_types
        ),
        orders_per_day_max=_least(said.orders_per_day_max, ceilings.orders_per_day_max),
        minutes_per_day_max=_least(said.minutes_per_day_max, ceilings.minutes_per_day_max),
    )


def _least(wanted: int | None, ceiling: int) -> int:
    return ceiling if wanted is None else min(wanted, ceiling)


def granted_regions(office: Office) -> tuple[str, ...]:
    """The regions that the operator grants; where none are named, the home region that the organization has.

    That is the one of the card as it was before this change: else whoever saves the card would grant it.
    """
    return office.grants.ceilings.regions or (
        office.home_region_saved or office.organization.dialling.home_region,
    )


def _regions(office: Office) -> tuple[str, ...]:
    said, granted = office.organization.dialling, granted_regions(office)
    wanted = said.allowed_regions or (said.home_region,)
    allowed = tuple(each for each in wanted if each in granted)
    return said.allowed_regions if allowed == wanted else allowed or (NO_REGION,)


def excesses(office: Office) -> Iterator[Excess]:
    """What the card wants beyond its ceilings, which is clamped."""
    said, ceilings = office.organization.dialling, office.grants.ceilings
    granted = granted_regions(office)
    if said.home_region not in granted:
        yield Excess("dialling.home_region", said.home_region, ", ".join(granted))
    for position, region in enumerate(said.allowed_regions):
        if region not in granted:
            yield Excess(f"dialling.allowed_regions.{position}", region, ", ".join(granted))
    for position, type_ in enumerate(said.allowed_types or ()):
        if type_ not in ceilings.number_types:
            types = ", ".join(ceilings.number_types)
            yield Excess(f"dialling.allowed_types.{position}", str(type_), types)
    if len(said.satellite_numbers) > ceilings.satellite_numbers_max:
        wanted, ceiling = len(said.satellite_numbers), ceilings.satellite_numbers_max
        yield Excess("dialling.satellite_numbers", str(wanted), str(ceiling))
    for name in COUNTS:
        wanted, ceiling = getattr(said, name), getattr(ceilings, name)
        if wanted is not None and wanted > ceiling:
            yield Excess(f"dialling.{name}", str(wanted), str(ceiling))


def problems(office: Office) -> Iterator[Problem]:
    """The same as errors of a save, which say who can raise the ceiling."""
    for each in excesses(office):
        values = {"value": each.value, "ceiling": each.ceiling, "organization": office.organization_id}
        yield Problem(code=Code.ABOVE_CEILING, field=each.field, values=values)


def differences(before: Ceilings, after: Ceilings) -> Iterator[str]:
    """What a change of the ceilings changes, a line each."""
    for name in Ceilings.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {shown(old)} → {shown(new)}"


def shown(value: object) -> str:
    """A ceiling in words."""
    if not isinstance(value, tuple):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return ", ".join(map(str, value)) or "the home region"
