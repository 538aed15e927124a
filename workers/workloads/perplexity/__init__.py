"""The public tool llama-perplexity on the same server configuration: quality of the answers."""
