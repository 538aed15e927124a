"""Agent tasks on a running server; the tasks themselves are `workers.agent`."""
