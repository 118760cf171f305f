"""The formats of a report: one file each, with one function `render(report) -> str`."""
