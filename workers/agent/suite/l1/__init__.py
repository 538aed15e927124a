"""L1: one tool call with right arguments."""
