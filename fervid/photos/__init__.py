"""Photos: faces and expressions of single pictures, in files and in memory."""
