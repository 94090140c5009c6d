"""What an encoder makes of utterances, computed once and kept."""

# Model folders of version 0.1.0 look for it here. ``mgf_brain.__getattr__``, which finds what else
# these name, is not asked for a package that is there.
from mgf_brain.nn.baselines import LogMelFeatures as LogMelFeatures
