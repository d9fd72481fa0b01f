"""Result folders: rows, tables, codebook and metadata; a folder is complete or absent."""
