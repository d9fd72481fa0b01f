"""Training and evaluation of the networks that fervid ships; not part of the wheel."""
