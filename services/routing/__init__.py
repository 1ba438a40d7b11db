"""Routing: what happens to a call, from the line it came in on to whoever takes it.

It owns direct calls to employees, forwards, and call scenarios; a call that reaches a department is queue's
from there on, one that reaches a machine is voicemail's.
"""
