"""The table: only ``keys.py`` spells a key."""
