"""Crash tests: the real use cases in a simulated system that may be killed at any call of any port."""
