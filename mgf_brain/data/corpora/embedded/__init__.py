"""The corpus that the package makes itself, with a speech synthesiser."""
