"""The host: reads the log, runs a decider, stores what follows, and only then says it.

`host` owns partitions · `owner` is one partition's life: claim, then turns · `claiming` finds what the log
already says · `hearing` is what happens to one record · `numbering` is one organization's numbers ·
`organizations` are the states in memory · `outbox` sends · `timers` wake · `snapshots` keep a copy in S3 ·
`identity` tells one log from another.
"""
