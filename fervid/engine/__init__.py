"""Frames in, rows out: what recordings, streams and photos are analysed with."""
