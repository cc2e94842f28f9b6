"""The doors: settings, HTTP, queues, streams, and the container that wires adapters to use cases."""
