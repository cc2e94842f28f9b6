"""RefundKit's public package: the wire contract, and what a caller of the API needs to speak it."""

__version__ = "0.1.0"
