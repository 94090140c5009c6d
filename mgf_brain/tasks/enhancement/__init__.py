"""Speech without its noise."""
