"""The simulated packages: how they are made, change and disappear."""
