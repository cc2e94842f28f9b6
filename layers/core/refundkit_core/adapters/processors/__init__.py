"""Payment processors behind the port ``PaymentProcessor``."""
