from .checkpoints import AtomicCheckpointer as AtomicCheckpointer
from .schedules import warmup_cosine as warmup_cosine
