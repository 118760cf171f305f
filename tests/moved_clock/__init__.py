"""A folder for the path of a process whose clock a test moves."""
