"""The innermost pieces, written by hand as vector operations: they know arrays and places in them, and no problem."""
