"""From what a user names (files, folders, patterns, lists) to recordings and photos."""
