"""Runs the whole stack on one machine, without a cloud account."""
