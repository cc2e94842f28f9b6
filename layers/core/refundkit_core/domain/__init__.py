"""Pure rules: no I/O, no AWS, no clock of their own."""
