"""Pure statistics shared by the metrics."""
