"""Row schemas, the writer, the DuckDB views over the rows and the statistics on them."""
