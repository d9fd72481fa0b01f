"""Many recordings: jobs, the processes that do them, and their outcomes."""
