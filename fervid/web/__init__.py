"""The page of `fervid web`: uploads in, timelines out, on this machine only."""
