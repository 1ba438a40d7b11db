"""What the book holds: a card per entity, as the API takes and shows it."""
