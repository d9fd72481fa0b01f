"""What a user names, as lists of recordings and photos: files, folders, patterns, lists."""
