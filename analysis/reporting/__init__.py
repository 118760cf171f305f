"""The report: its document, its figures and its formats."""
