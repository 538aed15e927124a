"""The largest context that starts and generates."""
