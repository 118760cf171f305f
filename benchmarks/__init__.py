"""What things cost: commands that print a table. They are not tests, and not installed."""
