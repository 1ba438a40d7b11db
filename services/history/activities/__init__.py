"""What touches the world: the tables, the reader of the log, the audio that must go."""
