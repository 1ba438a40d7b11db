"""Callback owns the promise to call a customer back.

It takes the order while the customer is on the line, reads the number back, and keeps the promise: an
attempt for every agent whom queue sends, and an apology when none came in time. It owns callbacks and
their attempts; the place in the queue and who is offered it are queue's, a voice message is voicemail's.
"""
