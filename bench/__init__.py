"""Measurements, run by hand (bench/README.md); never part of ``make test``."""
