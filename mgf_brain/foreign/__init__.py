"""Models of other libraries, read: whatever a user may name as a model."""
