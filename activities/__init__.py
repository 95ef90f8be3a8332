"""Activities: what was done and what is owed."""
