"""The host: reads the log, runs a decider, stores what follows, and only then says it.

`host` owns partitions · `owner` takes turns on one partition · `claiming` claims it and loads its state ·
`said_already` finds which facts the log already holds · `hearing` handles one record · `numbering` keeps one
organization's numbers · `organizations` holds the states in memory · `outbox` sends · `timers` wakes ·
`snapshots` keeps a copy in S3 · `identity` tells one log from another.
"""
