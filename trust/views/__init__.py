"""Pages of the cellar."""
