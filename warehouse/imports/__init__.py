"""What others measured, as rows: one adapter a source, each a pure function of a file's content."""
