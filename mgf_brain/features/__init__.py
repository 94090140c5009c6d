"""What an encoder makes of utterances, computed once and kept."""

from mgf_brain.nn.baselines import LogMelFeatures as LogMelFeatures
