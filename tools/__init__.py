"""Programs for people: demo, dev stack, checks, rules. Production imports none of it."""
