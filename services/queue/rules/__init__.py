"""The queue's arithmetic: `sharing` picks agents, `waiting` estimates, `phones` and `notices` plan."""
