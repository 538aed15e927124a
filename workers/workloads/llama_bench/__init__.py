"""The public tool llama-bench on the same server configuration, for agreement."""
