"""When to look. Work is started here as commands, in processes of their own: the same lines a person types."""
