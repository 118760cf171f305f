"""The files that describe a bundle: one module each, with `render(facts)`. Presence in the folder is registration."""
