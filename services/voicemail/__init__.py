"""Owns the conversation with the answering machine, what was recorded in it, and the letters about it.

A caller whom nobody could answer hears a greeting and a tone, and what is said is kept: stored, made
playable, and mailed to those who should know. It also writes the letters for callbacks that ended
without an agent. Every step of it is a fact, so that a crash, an S3 or a mail server that is away
delays a message and never loses or doubles it.
"""
