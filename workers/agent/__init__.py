"""Agent tasks: a sealed world, tools over it, a sandbox, a suite of tasks and their scores."""
