"""Faces and expressions in photos, from files or in memory."""
