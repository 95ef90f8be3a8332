"""Forms of what was done: contacts, the center."""
