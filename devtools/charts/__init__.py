"""Writes the table of values in the chart's README from the comments in values.yaml.

With --check it only compares.
"""

from devtools.charts.values_table import GENERATED


def main(argv: list[str]) -> int:
    """Write the table; with --check, only fail if it is stale."""
    return GENERATED.run(argv, verb="charts", description=__doc__)
