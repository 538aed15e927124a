"""The engine: one llama-server process, its flags, log, failures and HTTP client."""
