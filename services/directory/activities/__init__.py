"""What touches the world: the database, the log, passwords, letters, a PBX that is asked for an extension."""
