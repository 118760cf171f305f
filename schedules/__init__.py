"""Schedules and the daemon that runs them. Each command is a process of its own, with the line a person types."""
