"""A model's folder: written, read without running what came with it, shared on the hub."""
