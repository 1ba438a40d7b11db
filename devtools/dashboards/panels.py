"""What dashboards are made of: panels, and the queries that several of them have."""

from typing import Final, NamedTuple

ALL: Final = 'namespace=~"$namespace"'
"""Selects the chosen installation."""


class Query(NamedTuple):
    """One query of a panel; `legend` may name labels in {{braces}}."""

    expression: str
    legend: str


class Panel(NamedTuple):
    """One panel: what it shows, in which unit of Grafana's, and how to read it."""

    title: str
    unit: str
    description: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"


class Dashboard(NamedTuple):
    """One dashboard: rows of panels that share the width."""

    name: str
    title: str
    rows: tuple[tuple[Panel, ...], ...]


def rate(counter: str, by: str, selector: str = "") -> str:
    """How often it is counted, by labels."""
    selected = f"{ALL},{selector}" if selector else ALL
    return f"sum by ({by}) (rate({counter}{{{selected}}}[$__rate_interval]))"


def quantile(share: str, histogram: str, by: str = "", selector: str = "") -> str:
    """What this share of the cases stays below."""
    selected = f"{ALL},{selector}" if selector else ALL
    kept = f"{by}, le" if by else "le"
    rate = f"rate({histogram}_bucket{{{selected}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({kept}) ({rate}))"


def age(instant: str, by: str = "") -> str:
    """How long ago the earliest instant was; 0, which says that there is none, gives no line."""
    kept = f" by ({by})" if by else ""
    return f"time() - min{kept} ({instant}{{{ALL}}} > 0)"


def sum_of(gauge: str, by: str = "") -> str:
    """All replicas together."""
    kept = f" by ({by})" if by else ""
    return f"sum{kept} ({gauge}{{{ALL}}})"
