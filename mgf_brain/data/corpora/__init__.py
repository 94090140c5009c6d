"""One reader a corpus: its published layout, to the rows of its parts."""
