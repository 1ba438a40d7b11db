"""The queue: which customers wait in which place, whose turn it is, and which agent is offered which place.

It alone decides about places, offers, and what agents are doing.
"""
