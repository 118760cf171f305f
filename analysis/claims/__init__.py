"""The claims of the paper: the rule that judges each, and how verdicts change."""
