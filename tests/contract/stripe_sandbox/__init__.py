"""The Stripe sandbox, as the official SDK sees it."""
