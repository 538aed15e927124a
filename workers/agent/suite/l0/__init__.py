"""L0: single answers, without tools."""
