"""The steps of an operation, ready to show: one file a view."""
