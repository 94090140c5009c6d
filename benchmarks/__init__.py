"""Side-by-side measurements: what a user waits for here and with the alternatives."""
