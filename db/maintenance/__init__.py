"""Maintenance of the store's file: check, back up, restore, migrate and describe."""
