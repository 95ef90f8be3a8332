"""Pairing: who answers for whom."""
