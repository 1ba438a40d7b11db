"""The pure part: facts folded into contacts' records, what the rows show, and the figures made of them."""
