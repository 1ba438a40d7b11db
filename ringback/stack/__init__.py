"""The embedded parts and our services as processes on loopback, for `make up`, the demo and the tests.

`process` starts and ends one process, `parts` has the embedded broker, Redis, S3 and mail server, `kafka` has
Apache Kafka from its jars, `services` has our own services, and `stack` puts them together.
"""
