"""Pages of pairings, quotas and cover."""
