<<<<<<< HEAD
"""Agent tasks: a sealed world, tools over it, a sandbox, a suite of tasks and their scores."""
=======
"""Agent tasks: world, tools, sandbox, suite and scores. Ray's processes import nothing of it."""
>>>>>>> suite
