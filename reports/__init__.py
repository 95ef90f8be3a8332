"""Reports: what it adds up to."""
