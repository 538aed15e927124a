"""What runs in the sandbox, on the system's Python (3.10 or newer): standard library only."""
