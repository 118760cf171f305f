"""The files that tell of a bundle: one module each, with `tell(facts)`. Being in the folder is the registration."""
