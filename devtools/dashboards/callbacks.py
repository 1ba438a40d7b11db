"""The dashboard of customers: who waits, for how long, and how it ends."""

from typing import Final

from devtools.dashboards.panels import ALL, Dashboard, Panel, Query, age, quantile, rate, sum_of

CALLBACKS: Final = Dashboard(
    "callbacks",
    "Ringback: callbacks and queues",
    (
        (
            Panel(
                "Callbacks kept, last day",
                "percentunit",
                "Connected of all that ended, without those that customers withdrew.",
                (
                    Query(
                        f'sum(increase(ringback_callbacks_total{{{ALL},end="connected"}}[1d]))'
                        f' / sum(increase(ringback_callbacks_total{{{ALL},end!="cancelled"}}[1d]))',
                        "kept",
                    ),
                ),
                kind="stat",
            ),
            Panel(
                "Called back within ten minutes, last day",
                "percentunit",
                "Of connected callbacks, from joining the queue.",
                (
                    Query(
                        f'sum(increase(ringback_callback_waited_seconds_bucket{{{ALL},le="600.0"}}[1d]))'
                        f" / sum(increase(ringback_callback_waited_seconds_count{{{ALL}}}[1d]))",
                        "within ten minutes",
                    ),
                ),
                kind="stat",
            ),
            Panel(
                "Calls answered within 20 s, last day",
                "percentunit",
                "Of all callers who waited on the line, abandoned ones included.",
                (
                    Query(
                        f'sum(increase(ringback_place_waited_seconds_bucket{{{ALL},end="connected",le="20.0"}}[1d]))'
                        f" / sum(increase(ringback_place_waited_seconds_count{{{ALL}}}[1d]))",
                        "within 20 s",
                    ),
                ),
                kind="stat",
            ),
            Panel(
                "Past their deadline",
                "s",
                "The earliest deadline of a callback that nobody was dialled for, and of an apology.",
                (
                    Query(age("ringback_callback_deadline_earliest_timestamp_seconds"), "callback"),
                    Query(age("ringback_apology_oldest_timestamp_seconds"), "apology"),
                ),
            ),
        ),
        (
            Panel(
                "Waiting now",
                "none",
                "Places are callers on the line and callbacks.",
                (
                    Query(sum_of("ringback_places_waiting"), "places"),
                    Query(sum_of("ringback_callbacks_open"), "callbacks"),
                    Query(sum_of("ringback_apologies_waiting"), "apologies"),
                    Query(sum_of("ringback_departments_waiting"), "departments with a place"),
                ),
            ),
            Panel(
                "Oldest place",
                "s",
                "How long the customer waits who waits longest.",
                (Query(age("ringback_place_oldest_timestamp_seconds"), "oldest"),),
            ),
            Panel(
                "Wait on the line",
                "s",
                "Of callers who were connected.",
                (
                    Query(
                        quantile("0.5", "ringback_place_waited_seconds", selector='end="connected"'),
                        "median",
                    ),
                    Query(
                        quantile("0.9", "ringback_place_waited_seconds", selector='end="connected"'), "90 %"
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Callbacks by end",
                "none",
                "In the last hour.",
                (Query(f"sum by (end) (increase(ringback_callbacks_total{{{ALL}}}[1h]))", "{{end}}"),),
            ),
            Panel(
                "Places by end",
                "none",
                "In the last hour.",
                (Query(f"sum by (end) (increase(ringback_places_total{{{ALL}}}[1h]))", "{{end}}"),),
            ),
            Panel(
                "Offers to agents by end",
                "none",
                "In the last hour. Many missed ones: agents who are not at their phones.",
                (Query(f"sum by (end) (increase(ringback_offers_total{{{ALL}}}[1h]))", "{{end}}"),),
            ),
        ),
        (
            Panel(
                "Phones dialled",
                "none",
                "In the last hour: agents, customers for a callback, customers for an apology.",
                (Query(f"sum by (purpose) (increase(ringback_dials_total{{{ALL}}}[1h]))", "{{purpose}}"),),
            ),
            Panel(
                "Orders refused",
                "none",
                "In the last hour, by reason.",
                (Query(f"sum by (reason) (increase(ringback_refusals_total{{{ALL}}}[1h]))", "{{reason}}"),),
            ),
            Panel(
                "Commands of gateways",
                "ops",
                "By outcome.",
                (Query(rate("ringback_gateway_commands_total", "outcome"), "{{outcome}}"),),
            ),
        ),
    ),
)
