"""The dashboard of voice messages, letters, recordings and notices."""

from typing import Final

from devtools.dashboards.panels import ALL, Dashboard, Panel, Query, age, sum_of

VOICEMAIL: Final = Dashboard(
    "voicemail",
    "Ringback: voicemail and speech",
    (
        (
            Panel(
                "Voice messages",
                "none",
                "In the last hour: taken and stored, or missing, quarantined, deferred.",
                (
                    Query(
                        f"sum by (state) (increase(ringback_voice_messages_total{{{ALL}}}[1h]))", "{{state}}"
                    ),
                ),
            ),
            Panel(
                "Letters",
                "none",
                "In the last hour, by state.",
                (Query(f"sum by (state) (increase(ringback_letters_total{{{ALL}}}[1h]))", "{{state}}"),),
            ),
            Panel(
                "Open letters",
                "none",
                "Written, and not answered for good by the mail server.",
                (Query(sum_of("ringback_letters_open"), "letters"),),
            ),
        ),
        (
            Panel(
                "Oldest open letter",
                "s",
                "A letter is tried for a day.",
                (Query(age("ringback_letter_oldest_timestamp_seconds"), "oldest"),),
            ),
            Panel(
                "The mail server refuses us",
                "none",
                "In the last hour: 5xx about us, and not about a letter.",
                (Query(f"sum by (job) (increase(ringback_mail_faults_total{{{ALL}}}[1h]))", "{{job}}"),),
            ),
            Panel(
                "Recordings at gateways",
                "none",
                "Running, or not in S3 yet.",
                (Query(sum_of("ringback_spool_recordings", "instance"), "{{instance}}"),),
            ),
        ),
        (
            Panel(
                "Oldest recording at a gateway",
                "s",
                "Longer than a long call: S3 does not take it.",
                (Query(age("ringback_spool_oldest_timestamp_seconds", "instance"), "{{instance}}"),),
            ),
            Panel(
                "Notices rendered",
                "none",
                "In the last hour, by outcome.",
                (
                    Query(
                        f"sum by (outcome) (increase(ringback_renderings_total{{{ALL}}}[1h]))", "{{outcome}}"
                    ),
                ),
            ),
            Panel(
                "Notices found in the cache",
                "percentunit",
                "Of all that were asked for.",
                (
                    Query(
                        f'sum(increase(ringback_speech_cache_total{{{ALL},result=~"hit|shared"}}[1h]))'
                        f" / sum(increase(ringback_speech_cache_total{{{ALL}}}[1h]))",
                        "found",
                    ),
                ),
            ),
        ),
    ),
)
