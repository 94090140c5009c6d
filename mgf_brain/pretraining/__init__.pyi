from .brain import PretrainingBrain as PretrainingBrain
