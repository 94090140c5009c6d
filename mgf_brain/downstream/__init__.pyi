from .probes import train_probe as train_probe
