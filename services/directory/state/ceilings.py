"""Ceilings: what the operator lets an organization set, at most; whatever costs money is under one (C10).

The organization's card is checked against them when saved, and clamped to them when its fact is derived. Each
default is what a company of a hundred people needs on its busiest day, so that a stolen password costs about
a busy day's bill and no more.
"""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.number_ranges import ORDINARY, NumberType
from services.directory.state.limits import Region

Allowance = Annotated[int, Meta(ge=0, le=10_000_000)]


class Ceilings(Struct, frozen=True, kw_only=True):
    """One organization's ceilings. `regions` empty: the home region that its card has, and no other."""

    regions: Annotated[tuple[Region, ...], Meta(max_length=250)] = ()
    """Empty by default: fraud goes abroad, and most companies never do."""
    number_types: tuple[NumberType, ...] = ORDINARY
    """Whatever is sold by the minute to its owner stays out: personal numbers, shared cost, premium."""
    orders_per_day_max: Allowance = 2_000
    """Each order is two calls to a customer at most, and an apology."""
    orders_per_minute_max: Allowance = 60
    """One a second: a robot is stopped, a busy morning is not."""
    texts_per_day_max: Allowance = 100
    """Codes for forgotten passwords: everybody once."""
    minutes_per_day_max: Allowance = 10_000
    """Seven lines around the clock, or twenty in office hours."""
    calls_at_once_max: Allowance = 200
    """Legs of all the organization's PBXs together."""
    satellite_numbers_max: Allowance = 3
    """Satellite phones of employees: an expedition has some; a minute costs as much as an hour elsewhere."""
