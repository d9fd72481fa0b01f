"""Faces in frames: where they are, which frames to search, and how they are cut out."""
