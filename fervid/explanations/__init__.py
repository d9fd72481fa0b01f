"""Explains what the expression classifier reacts to in the faces of a frame or photo."""

from fervid.expressions.maps import Explanations, explain

__all__ = ["Explanations", "explain"]
