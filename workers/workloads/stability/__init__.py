"""A full slot, again and again."""
