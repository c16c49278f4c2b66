"""The office process and the engine: two processes, one private line between them."""
