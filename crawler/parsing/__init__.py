"""Pure readers of the responses of a registry: pages, rows, URLs and cursors."""
