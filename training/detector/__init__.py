"""Training of the face detector on pictures with face boxes."""
