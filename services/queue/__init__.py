"""The queue: who waits in which place, whose turn it is, which agent is offered whom, and why not.

It owns places, offers, and what is known of agents; it alone decides about them.
"""
