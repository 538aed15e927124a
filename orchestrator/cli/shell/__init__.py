"""The interactive shell of `herd sql`."""
