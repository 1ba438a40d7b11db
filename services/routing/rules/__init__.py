"""Pure rules of routing: whom a line leads to, who can be rung, which phones ring, what is heard."""
