"""General-purpose self-supervised speech representations: recipes for SpeechBrain."""

__version__ = "0.1.0"
