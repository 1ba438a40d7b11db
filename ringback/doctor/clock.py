"""This machine's clock against those of the parts, and the time zones that it knows."""

import time
import zoneinfo
from collections.abc import Sequence
from importlib import metadata
from typing import Final

import msgspec

from contracts.directory import DepartmentSaved
from ringback.doctor.findings import Section

OFF_MS_MAX: Final = 5_000
"""Clocks that are kept by NTP differ by milliseconds. One that is seconds off will be minutes off: then codes
of second factors fail (30 s), and S3 refuses what we sign (15 min)."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What another clock showed between two looks at ours, in ms since 1970 UTC."""

    whose: str
    before_ms: int
    shown_ms: int
    after_ms: int

    @property
    def off_ms(self) -> int:
        """How far ours is from the other one at least: positive if ours is fast."""
        if self.shown_ms < self.before_ms:
            return self.before_ms - self.shown_ms
        return min(0, self.after_ms - self.shown_ms)


def now_ms() -> int:
    """This machine's clock."""
    return time.time_ns() // 1_000_000


def examine(readings: Sequence[Reading]) -> Section:
    """Compare the clocks that the other sections have read."""
    section = Section("clock and time zones")
    for each in readings:
        words = f"{abs(each.off_ms) / 1000:.1f} s from that of {each.whose}"
        if abs(each.off_ms) > OFF_MS_MAX:
            which = "fast" if each.off_ms > 0 else "slow"
            section.red(
                each.whose,
                f"this machine's clock is {words}, and {which}, or the other one is wrong: let NTP keep both",
            )
        else:
            section.green(each.whose, f"this machine's clock is {words}")
    if not readings:
        section.not_tried("clocks", "no part that has a clock was reached")
    _examine_zones(section)
    return section


def _examine_zones(section: Section) -> None:
    """Departments are in zones of their own; one that nobody changed is in the contract's."""
    usual = next(each.default for each in msgspec.structs.fields(DepartmentSaved) if each.name == "timezone")
    try:
        known = sorted(zoneinfo.available_timezones())
        zoneinfo.ZoneInfo(usual)
        version = metadata.version("tzdata")
    except (zoneinfo.ZoneInfoNotFoundError, metadata.PackageNotFoundError, OSError) as error:
        section.red("time zones", f"{error}: install tzdata of requirements/base.txt")
        return
    section.green("time zones", f"{len(known)}, of tzdata {version}")
