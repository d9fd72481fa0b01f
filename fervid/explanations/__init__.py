"""What the expression classifier reacts to in a face: maps over crops, panels for recordings."""

from fervid.expressions.maps import Explanations, explain

__all__ = ["Explanations", "explain"]
