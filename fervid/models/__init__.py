"""Networks as Flax modules, compiled programs, weights and model cards."""
