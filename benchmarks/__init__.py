"""What fervid costs: `python -m benchmarks` measures a recording, ratios in one run."""
