"""Sizes that decoding, crops and networks share. Imports nothing."""

FACE_SIZE = 48
"""Side in pixels of the square face images of FER-2013, which the classifier reads."""

PAD_MULTIPLE = 64
"""Frames that the detector's network takes have sides that are multiples of this many pixels."""
