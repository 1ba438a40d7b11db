"""What a service needs that is not about calls: host, log, store, timers, blobs, telemetry, settings.

It does not know what a queue is.
"""
