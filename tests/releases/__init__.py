"""Dumps of released states; later versions migrate each of them (tests/test_releases.py)."""
