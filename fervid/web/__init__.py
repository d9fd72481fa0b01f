"""The page of `fervid web`, on this machine only: from uploads to timelines."""
