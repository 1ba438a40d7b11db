"""The arithmetic of routing: whom a line means, who can take a call, which phones ring, what is heard."""
