"""Cameras and streams, watched as they come."""
