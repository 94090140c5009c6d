from .brain import MultiGranularityBrain as MultiGranularityBrain
from .brain import PretrainingBrain as PretrainingBrain
