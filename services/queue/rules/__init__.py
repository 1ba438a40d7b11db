"""The queue's arithmetic: agents to ring, phones and their limits, wait estimates, and what is played."""
