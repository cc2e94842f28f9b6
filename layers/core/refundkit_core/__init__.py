"""RefundKit's server side: rules (domain), use cases (application), the outside world (adapters), and its doors."""
