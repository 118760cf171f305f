"""The forms a report can take: one file each, with one function `render(report) -> str`."""
