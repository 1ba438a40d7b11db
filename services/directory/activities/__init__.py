"""Operations that touch the world: database, log, passwords, letters, questions to PBXs."""
