"""Measures what fervid costs: `python -m benchmarks` gives costs and ratios in one run."""
