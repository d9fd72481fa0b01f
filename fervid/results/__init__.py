"""The tables of a result: rows, codebook, metadata, and folders that are whole or not there."""
