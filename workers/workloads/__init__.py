"""Workloads: what is done to a running server; one folder each, its config beside its code."""
