"""Weights and model cards that ship with fervid."""
