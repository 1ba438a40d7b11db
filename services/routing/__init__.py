"""Routing: a call's way from the line it came in on to the person, department or voicemail that takes it.

It owns direct calls to employees, forwards, and call scenarios. A call that reaches a department is queue's
from there on; one that reaches a voicemail is voicemail's.
"""
