"""What is added to speech while it is read: rooms, noise, other voices."""
