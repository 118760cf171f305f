"""The formats of a bundle: one module each, with `write_tables(tables, folder)`. Presence is registration."""
