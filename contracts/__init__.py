"""What services say to each other: message types, topics, codec. No behaviour."""
