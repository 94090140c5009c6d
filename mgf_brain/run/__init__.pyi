from .checkpoints import AtomicCheckpointer as AtomicCheckpointer
from .schedules import tri_stage as tri_stage
from .schedules import warmup_cosine as warmup_cosine
from .schedules import warmup_linear as warmup_linear
