"""The claims of the paper: the rule that judges each claim, the verdicts, and how they change over time."""
