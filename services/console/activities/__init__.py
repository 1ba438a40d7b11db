"""What touches the world: sessions in the store, the APIs, sealed cookies, catalogues, static files."""
