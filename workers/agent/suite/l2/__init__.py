"""L2: chains of 3 to 8 calls."""
