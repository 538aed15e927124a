"""Agent tasks: world, tools, sandbox, suite and scores. Ray's processes import nothing of it."""
