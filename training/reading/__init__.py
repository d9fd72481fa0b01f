"""Measures how well expressions of known intensity are found in recordings."""
