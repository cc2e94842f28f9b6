"""Counts and measurements: start-up, billed operations, latency, log bytes. `python -m tests.bench`."""
