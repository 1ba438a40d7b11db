"""Owns the conversation with the answering machine, its recording, and the letters about it.

A caller whom nobody could answer hears a greeting and a tone and leaves a message, which is stored, made
playable, and mailed to those who should know. Voicemail also writes the letters about callbacks that ended
without an agent. Every step is a fact, so a crash, or an S3 or mail server that is away, delays a message and
never loses or doubles it.
"""
