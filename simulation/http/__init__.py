"""HTTP messages and quotas."""
