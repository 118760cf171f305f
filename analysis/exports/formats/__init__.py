"""The forms of a bundle: one file each, with `write(tables, folder)`. Being in the folder is the registration."""
