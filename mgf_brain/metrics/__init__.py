"""What a score is, and how sure it is."""
