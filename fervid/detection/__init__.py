"""Finding faces in frames: boxes, which frames to search, and crops."""
