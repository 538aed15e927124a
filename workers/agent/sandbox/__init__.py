"""Where what a model writes runs: without network, without the host's files, within limits."""
