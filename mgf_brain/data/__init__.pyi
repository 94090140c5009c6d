from .augment.utterance_mixing import UtteranceMixing as UtteranceMixing
from .augment.waveform import WaveformAugmentation as WaveformAugmentation
from .batches.crops import MultiCrop as MultiCrop
from .batches.crops import SeparateCrops as SeparateCrops
