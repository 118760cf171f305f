"""Care of the file: check, backup, restore, migrate and describe."""
