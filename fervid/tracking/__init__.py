"""Following faces from frame to frame: tracks, cuts, people and their portraits."""
