"""The driver: configuration, matrix, plan, schedule, fleet and command line."""
