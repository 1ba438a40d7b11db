"""What every service needs beside calls: host, log, store, timers, blobs, telemetry, settings.

This package knows nothing of queues or calls.
"""
