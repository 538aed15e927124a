"""What runs on a GPU host: host actor, engine process, telemetry, workloads."""
