"""Models of other libraries, read: each becomes what a folder of our own holds."""
