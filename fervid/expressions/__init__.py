"""Expressions of faces: the classifier, smoothing, resting faces and episodes."""
