"""The engine that analyses recordings, streams and photos: frames in, rows out."""
