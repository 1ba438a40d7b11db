"""What the console keeps of a person, and the shapes of what the APIs take and answer."""
