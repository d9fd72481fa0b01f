"""Compares networks and recipes on equal small budgets; see `training.compare`."""
