"""What is compared: systems with their steps and options, tasks, and corpora that are not here."""

from __future__ import annotations

from dataclasses import dataclass

from mgf_brain.bench.tasks import TASKS


@dataclass(frozen=True)
class System:
    """A row of the results.

    Arguments
    ---------
    title : str
        On pages.
    yaml : str
        Of its pretraining; "" for one that has none.
    steps : int
        Of the optimizer.
    minutes : float
        That its pretraining is expected to take, until runs have said it; without one, a task.
    options : str
        More words for ``pretrain.py``. {data} is the corpora's folder, {tracks} where labels are
        shared; a system in braces is its pretrained folder of the same seed.
    of : str
        The system whose pretraining is taken, or what ``--pretrained`` is given; "": its own.
    adapt, task_options : str
        For the tasks.
    tasks : tuple of str
        Those that are asked of it.
    """

    title: str
    yaml: str = ""
    steps: int = 0
    minutes: float = 0.0
    options: str = ""
    of: str = ""
    adapt: str = "frozen"
    task_options: str = ""
    tasks: tuple[str, ...] = ()


LONG = 6.0  # minutes: tasks that take them are run after all others of all seeds
# Tasks, cheap and most wanted first, with the minutes that one is expected to take.
MINUTES = {
    "phones": 1.5,
    "speakers": 1.0,
    "verification-speechocean762": 1.0,
    "verification-LibriSpeech": 0.5,
    "emotion-EmoDB": 1.0,
    "emotion-RAVDESS": 2.0,
    "phone_recognition": 5.0,
    "sex": 1.0,
    "age_group": 1.0,
    "units": 2.0,
    "asr": 6.0,
    "enhancement": 12.0,
}
SPEAKERS = ("speakers", "verification-speechocean762", "verification-LibriSpeech")
EMOTIONS = ("emotion-EmoDB", "emotion-RAVDESS")
SCALES = ("phones", *SPEAKERS, "emotion-EmoDB", "phone_recognition")  # asked of MGF's variants
ALL = tuple(MINUTES)
TUNED = ("verification-speechocean762",)

LABELS = "--tracks_folder {tracks}"
SECOND = (  # goes on from the first iteration, whose middle layer is clustered
    "--initial {mgf2_first} --targets_from {mgf2_first} --targets_layer 4 --clusters 250 "
    "--learning_rate 0.001"
)
RATES = "--noise_probability 0.7 --reverb_probability 0.45"  # Cho et al. 2022

# Steps are those of README.md's table. The order is that of the runs.
SYSTEMS = {
    "fbank": System("log-mel bands", of="fbank", tasks=ALL),
    "random": System("untrained network", of="random", tasks=ALL),
    "hubert": System("HuBERT", "hparams/hubert.yaml", 1500, 11, LABELS, tasks=ALL),
    "dino": System("DINO", "hparams/dino.yaml", 2000, 24, tasks=ALL),
    "mgf": System("MGF", "hparams/mgf.yaml", 3300, 35, tasks=ALL),
    "mgf2_first": System("MGF 2, first iteration", "hparams/mgf2.yaml", 1400, 20, tasks=SCALES),
    "mgf2": System("MGF 2", "hparams/mgf2.yaml", 4000, 60, SECOND, tasks=ALL),
    "mt4ssl": System("MT4SSL", "hparams/mt4ssl.yaml", 1000, 10, LABELS, tasks=ALL),
    "data2vec": System("data2vec", "hparams/data2vec.yaml", 1000, 10, tasks=ALL),
    "wav2vec2": System("wav2vec 2.0", "hparams/wav2vec2.yaml", 1000, 8, tasks=ALL),
    "bestrq": System("BEST-RQ", "hparams/bestrq.yaml", 1000, 10, tasks=ALL),
    "progre": System(
        "ProgRE", "hparams/progre.yaml", 1500, 13, LABELS + " --speakers_from {dino}", tasks=ALL
    ),
    "wavlm": System("WavLM", "hparams/wavlm.yaml", 1000, 12, LABELS, tasks=ALL),
    "mgf_dino": System("MGF-DINO", "hparams/mgf_dino.yaml", 2000, 69, tasks=ALL),
}

# What the papers' claims ask for beside them, run after all of the above.
VARIANTS = {
    "hubert_1000": System(
        "HuBERT, 1,000 steps",
        "hparams/hubert.yaml",
        1000,
        7,
        LABELS,
        tasks=("phones", "phone_recognition", "asr"),
    ),
    "progre_kept": System(
        "ProgRE, nothing subtracted",
        "hparams/progre.yaml",
        1500,
        13,
        LABELS + " --speakers_from {dino} --residual none",
        tasks=("phones", *SPEAKERS, *EMOTIONS, "phone_recognition"),
    ),
    "contrastive": System(
        "MGF's utterance scale alone",
        "hparams/mgf.yaml",
        3300,
        20,
        "--sample_weight 0 --frame_weight 0 --phoneme_weight 0",
        tasks=SCALES,
    ),
    "dino_augmented": System(
        "DINO with noise and rooms",
        "hparams/dino.yaml",
        2000,
        30,
        "--noise_folder {data}/noise " + RATES,
        tasks=(*SPEAKERS, *EMOTIONS),
    ),
    "xvector": System(
        "x-vector, trained with labels", of="xvector", adapt="full", minutes=60, tasks=TUNED
    ),
    "dino_two_step": System(
        "DINO, then two steps with labels", minutes=10, of="dino", adapt="two_step", tasks=TUNED
    ),
    "dino_full": System(
        "DINO, then all at once with labels",
        minutes=10,
        of="dino",
        adapt="full",
        task_options="--number_of_epochs 20",  # as many as both steps have
        tasks=TUNED,
    ),
}
MGF_VARIANTS = {  # the paper's ablations: without a scale, and the opposite kind of loss at one
    "mgf_no_sample": ("MGF without samples", "--sample_weight 0"),
    "mgf_no_frame": ("MGF without frames", "--frame_weight 0"),
    "mgf_no_phoneme": ("MGF without phonemes", "--phoneme_weight 0"),
    "mgf_no_utterance": ("MGF without utterances", "--utterance_weight 0"),
    "mgf_frame_contrastive": (
        "MGF, contrastive frames",
        "--frame_weight 0 --frame_contrastive_weight 1",
    ),
    "mgf_phoneme_regression": (
        "MGF, regressed phonemes",
        "--phoneme_weight 0 --phoneme_regression_weight 1",
    ),
}
VARIANTS |= {
    name: System(title, "hparams/mgf.yaml", 3300, 30, options, tasks=SCALES)
    for name, (title, options) in MGF_VARIANTS.items()
}
EVERY = SYSTEMS | VARIANTS

# Corpora that need a licence, or more room than there was; the recipes run on miniatures in tests.
NOT_AT_HAND = {
    "IEMOCAP": "emotion",
    "CREMA-D": "emotion",
    "MSP-Podcast": "emotion",
    "ADReSSo": "dementia",
    "VoxCeleb": "verification",
    "WSJ": "asr",
    "VoiceBank": "enhancement",
}

GROUPS = {  # tasks of a table of RESULTS.md; their scores are those of ``mgf_brain.bench.tasks``
    "Content": ("phones", "phone_recognition", "asr", "units"),
    "Speakers": SPEAKERS,
    "Emotion, sex, child or adult": (*EMOTIONS, "sex", "age_group"),
    "Enhancement": ("enhancement",),
}


def metrics_of(task: str) -> tuple[str, ...]:
    """The scores of a task that are kept and shown."""
    return TASKS[task].metrics
