"""What must hold in an office, and the facts derived from its cards; pure, for the service and for tools."""
