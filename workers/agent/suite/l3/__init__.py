"""L3: trouble."""
