"""Boxes of outputs, and how the inputs that these need are laid out for them."""
