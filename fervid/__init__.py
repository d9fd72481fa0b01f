"""Emotion timelines from recordings: facial expressions, frame by frame."""

__version__ = "0.1.0"
