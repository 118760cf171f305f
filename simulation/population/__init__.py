"""The simulated packages: how they appear, change and disappear."""
