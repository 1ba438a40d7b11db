"""What touches the world: the tables, the reader of the log, the removal of audio."""
