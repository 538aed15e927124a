"""Model files: what the catalogue says of them, what their headers say, and how to get them."""
