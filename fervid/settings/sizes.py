"""Sizes that decoding, crops and networks share. Imports nothing."""

FACE_SIZE = 48
"""Side in pixels of the square face images that the classifier reads, as in FER-2013."""

PAD_MULTIPLE = 64
"""Sides of the frames that the detector's network takes are multiples of this, in pixels."""
