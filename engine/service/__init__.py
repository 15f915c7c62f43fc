"""The engine in a process of its own: a server around the door, a client that looks like it."""
