"""Pure readers of what a registry answers: pages, rows, URLs and cursors."""
