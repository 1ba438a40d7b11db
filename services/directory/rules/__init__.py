"""What must hold in an office, and the facts that its cards come to: pure, for the service and for tools."""
