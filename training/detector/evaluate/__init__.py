"""Scores of face detectors on pictures and clips with known faces."""
