"""Live analysis of cameras and streams."""
