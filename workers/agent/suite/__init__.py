"""The tasks, each with what checks it."""
