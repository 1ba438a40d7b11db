"""The Grafana dashboards of the chart, charts/ringback/dashboards, from the tables in this folder.

A dashboard has rows of panels, a panel has queries. `make schemas` writes the files, `make check` compares.
"""

import json
from pathlib import Path
from typing import Any, Final

from devtools.dashboards.callbacks import CALLBACKS
from devtools.dashboards.operations import OPERATIONS
from devtools.dashboards.panels import Dashboard, Panel
from devtools.dashboards.voicemail import VOICEMAIL

ROOT = Path(__file__).parent.parent.parent
FOLDER: Final = ROOT / "charts" / "ringback" / "dashboards"

SCHEMA: Final = 39
"""Of Grafana 11; newer ones read it and write their own."""
WIDTH: Final = 24
"""A dashboard's width, in Grafana's columns."""
HEIGHT: Final = 8
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
DASHBOARDS: Final = (OPERATIONS, CALLBACKS, VOICEMAIL)


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {
            "name": "namespace",
            "label": "Installation",
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": "label_values(ringback_build_info, namespace)", "refId": "namespace"},
            "refresh": 2,
            "includeAll": True,
            # A Prometheus beside one installation may have no such label.
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _panel(panel: Panel, number: int, *, x: int, y: int, width: int) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.unit == "percentunit":
        defaults |= {"min": 0, "max": 1}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"h": HEIGHT, "w": width, "x": x, "y": y},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def document(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    for row, found in enumerate(dashboard.rows):
        width = WIDTH // len(found)
        for column, panel in enumerate(found):
            panels.append(_panel(panel, len(panels) + 1, x=column * width, y=row * HEIGHT, width=width))
    return {
        "uid": f"ringback-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["ringback"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def documents() -> dict[Path, bytes]:
    """Every dashboard's file with its content."""
    return {
        FOLDER / f"{each.name}.json": (json.dumps(document(each), indent=1) + "\n").encode()
        for each in DASHBOARDS
    }
