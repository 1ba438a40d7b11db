"""The dashboard of the processes: health, the log, the store, the wires."""

from typing import Final

from devtools.dashboards.panels import ALL, Dashboard, Panel, Query, quantile, rate, sum_of

OPERATIONS: Final = Dashboard(
    "operations",
    "Ringback: operations",
    (
        (
            Panel(
                "Replicas that are ready",
                "none",
                "1: ready. /health/ready of the internal port says why one is not.",
                (Query(f"min by (job, instance) (ringback_ready{{{ALL}}})", "{{job}} {{instance}}"),),
            ),
            Panel(
                "Partitions without an owner",
                "none",
                "More than 0 for longer than a rebalance: organizations stand still.",
                (
                    Query(
                        f"max by (job) (ringback_partitions{{{ALL}}})"
                        f" - sum by (job) (ringback_partition_owned{{{ALL}}})",
                        "{{job}}",
                    ),
                ),
            ),
            Panel(
                "Records behind",
                "none",
                "What a reader has not finished, by the slowest partition.",
                (
                    Query(
                        f"max by (reader, topic) (ringback_lag_records{{{ALL}}})", "{{reader}} of {{topic}}"
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Facts read",
                "ops",
                "By what became of them: heard, skipped, repeats.",
                (Query(rate("ringback_facts_total", "job, outcome"), "{{job}} {{outcome}}"),),
            ),
            Panel(
                "Time of a step, 99 %",
                "s",
                "Apply and decide, until nothing follows.",
                (Query(quantile("0.99", "ringback_decide_seconds", "job"), "{{job}}"),),
            ),
            Panel(
                "Time of a store write, 99 %",
                "s",
                "A slow Redis shows here first.",
                (Query(quantile("0.99", "ringback_store_write_seconds", "job"), "{{job}}"),),
            ),
        ),
        (
            Panel(
                "Timers late, 99 %",
                "s",
                "How long after its instant a timer was heard.",
                (Query(quantile("0.99", "ringback_timer_late_seconds", "job"), "{{job}}"),),
            ),
            Panel(
                "Claims",
                "ops",
                "Other outcomes than claimed: the store or the log refuses or is away.",
                (Query(rate("ringback_claims_total", "job, outcome"), "{{job}} {{outcome}}"),),
            ),
            Panel(
                "Parked, closed, set aside",
                "none",
                "Each of them waits for a person.",
                (
                    Query(sum_of("ringback_organizations_parked", "job"), "organizations parked in {{job}}"),
                    Query(sum_of("ringback_partitions_closed", "job"), "partitions closed in {{job}}"),
                    Query(sum_of("ringback_outbox_set_aside"), "messages set aside"),
                ),
            ),
        ),
        (
            Panel(
                "PBXs connected",
                "none",
                "1: some gateway has the PBX.",
                (
                    Query(
                        f"max by (organization, pbx) (ringback_pbx_connected{{{ALL}}})",
                        "{{organization}}/{{pbx}}",
                    ),
                ),
            ),
            Panel(
                "Age of the directory's oldest unsent message",
                "s",
                "Changes of settings that have not reached the log.",
                (Query(f"max(ringback_outbox_age_seconds{{{ALL}}})", "age"),),
            ),
            Panel(
                "Certificates end in",
                "s",
                "By the setting that names the file.",
                (
                    Query(
                        "min by (job, setting)"
                        f" (ringback_certificate_end_timestamp_seconds{{{ALL}}}) - time()",
                        "{{job}} {{setting}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Dead letters and missing facts",
                "none",
                "In the last hour.",
                (
                    Query(
                        f"sum by (job) (increase(ringback_dead_letters_total{{{ALL}}}[1h]))",
                        "dead letters of {{job}}",
                    ),
                    Query(
                        f"sum by (job) (increase(ringback_gaps_old_total{{{ALL}}}[1h]))",
                        "facts missing in {{job}}",
                    ),
                ),
            ),
            Panel(
                "Requests refused",
                "reqps",
                "By the listeners' limits, and by an organization's quotas.",
                (
                    Query(rate("ringback_http_refused_total", "job, code"), "{{job}} {{code}}"),
                    Query(rate("ringback_quota_refusals_total", "quota"), "quota {{quota}}"),
                ),
            ),
            Panel(
                "Security events refused",
                "ops",
                "Failed logins, refused access, forbidden dials.",
                (Query(rate("ringback_security_events_total", "event", 'outcome="refused"'), "{{event}}"),),
            ),
        ),
        (
            Panel(
                "Versions",
                "none",
                "How many processes run which version.",
                (Query(f"count by (job, version) (ringback_build_info{{{ALL}}})", "{{job}} {{version}}"),),
                kind="table",
            ),
        ),
    ),
)
