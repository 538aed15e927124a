"""What herd knows, in files for other tools."""
