"""What the directory stores: a card per entity, as the API takes and shows it."""
