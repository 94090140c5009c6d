"""The phone of every 10 ms."""
