"""The pure part: facts folded into contacts' records, their rows, and statistics."""
