"""Callback owns the promise to call a customer back.

It takes the order while the customer is on the line, reads the number back, and keeps the promise: an
attempt for every agent whom queue sends, and an apology when none came in time. It owns callbacks and
their attempts. The place in the queue and its offers are queue's; a voice message is voicemail's.
"""
