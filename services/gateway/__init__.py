"""Gateway: the connection between the log and the phones.

It owns the legs of its PBXs: it carries out the commands on `ringback.telephony` through an adapter
(`port.Pbx`), says what the phones did as facts, and keeps recordings in its spool until S3 has them. It
decides nothing about customers; it refuses commands that are too late, forbidden or about an unknown leg.
"""
