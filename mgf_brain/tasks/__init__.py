"""One folder a task; none knows another."""
