"""Gateway: the one door between the log and the phones.

It owns the legs of its PBXs: it carries out the commands on `ringback.telephony` through an adapter
(`port.Pbx`), tells what the phones did as facts, and keeps recordings in its spool until S3 has them. It
decides nothing about customers: it refuses what is too late, forbidden or unknown, and tells how it ended.
"""
