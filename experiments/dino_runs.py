"""The runs that DINO's table and the paper's studies consist of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import SEED, TASKS, fill

# What is pretrained without labels: yaml and options.
PRETRAINING = {
    "MGF": "hparams/mgf.yaml",
    "DINO": "hparams/dino.yaml",
    "MGF-DINO": "hparams/mgf_dino.yaml",
    "DINO with augmentation": "hparams/dino.yaml --noise_folder {data}/noise "
    "--noise_probability 0.7 --reverb_probability 0.45",  # the paper's
}
BASELINES = ("fbank", "random")
XVECTOR = "x-vector"
TUNED = ("DINO", XVECTOR, "MGF-DINO")  # the systems that are fine-tuned
TRANSFER = "verification-speechocean762"  # the task by whose labels systems are transferred
# Corpora that are not at hand everywhere: without its folder a task is not run.
MORE_TASKS = ("emotion-IEMOCAP", "emotion-CREMA-D", "dementia")
EMOTIONS = ("emotion-RAVDESS", "emotion-EmoDB", *MORE_TASKS)
CHUNK = 3.0  # seconds, of the yaml files
HEAD_EPOCHS, EPOCHS = 5, 15  # of verification.yaml: of the last affine layers, of everything
BATCH = {"verification": 96.0, "emotion": 32.0, "dementia": 32.0}  # theirs, padded seconds


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Arguments
    ---------
    name : str
        In the table.
    system : str
        A baseline, the x-vector or a key of ``PRETRAINING``.
    adapt : str
        How it is adapted to each task.
    transfer : str
        How it was fine-tuned with speaker labels before; "" if it was not.
    chunk : float
        Seconds of the chunks in fine-tuning.
    """

    name: str
    system: str
    adapt: str = "frozen"
    transfer: str = ""
    chunk: float = CHUNK

    def asks(self, task: str) -> bool:
        """Whether the task has a cell: nobody asks for phones after a transfer to speakers."""
        return not (self.transfer and task == "phones")


@dataclass(frozen=True)
class Study:
    """A table: its rows, and the tasks that are its columns."""

    rows: tuple[Row, ...]
    tasks: tuple[str, ...]


def crossed(systems: tuple[str, ...], ways: tuple[str, ...], key: str) -> tuple[Row, ...]:
    """A row for each system and way to adapt or transfer it.

    Example
    -------
    >>> [row.name for row in crossed(("DINO",), ("frozen", "full"), "adapt")]
    ['DINO, frozen', 'DINO, full']
    """
    return tuple(Row(f"{name}, {way}", name, **{key: way}) for name in systems for way in ways)


STUDIES = {
    "table": Study(
        tuple(Row(name, name) for name in (*BASELINES, "MGF", "DINO", "MGF-DINO", XVECTOR))
        + crossed(TUNED, ("two_step", "full"), "transfer"),
        (TRANSFER, "verification-LibriSpeech", "speakers", "phones"),
    ),
    "two_step": Study(
        crossed(TUNED, ("frozen", "full", "two_step"), "adapt"), (TRANSFER, *EMOTIONS)
    ),
    "chunks": Study(
        tuple(Row(f"{s:g} s", "DINO", "two_step", chunk=s) for s in (1.0, 2.0, 3.0, 4.0)),
        (TRANSFER, *EMOTIONS),
    ),
    "augmentation": Study(
        crossed(("DINO", "DINO with augmentation"), ("frozen", "two_step"), "adapt"),
        (TRANSFER, *EMOTIONS),
    ),
}


@dataclass(frozen=True)
class Source:
    """What ``--pretrained`` is given, and the runs that make it, in their order."""

    name: str
    pretrained: str
    runs: tuple[Run, ...] = ()


SCRATCH = Source("xvector", "xvector")  # with its initial weights


@dataclass(frozen=True)
class Plan:
    """Where the runs of one seed read and write.

    Arguments
    ---------
    data, protocol : str
        Folders of the corpora, and of labels and lists.
    output_folder : Path
    number : int
        Of the seed, from 0.
    steps : mapping
        Optimizer steps of pretraining, by system; those of the yaml file by default.
    folders : mapping
        Pretrained folders that are there already, by system: one a seed, with commas between them.
    epochs : int
        Of everything, in the second step of a transfer. The x-vector, which begins with random
        weights, has the yaml file's before it is transferred.

    Example
    -------
    >>> plan = Plan("data", "protocol", Path("out"))
    >>> [str(run.folder) for run in plan.runs(Row("DINO", "DINO"), "speakers")]
    ['out/pretraining/dino/1986', 'out/speakers/dino-frozen/1986']
    """

    data: str
    protocol: str
    output_folder: Path
    number: int = 0
    steps: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    epochs: int = EPOCHS

    @property
    def seed(self) -> str:
        """As an option's value."""
        return str(SEED + self.number)

    def manifest(self, corpus: str, part: str) -> str:
        """Of a corpus' part, as its preparation writes it."""
        return str(self.output_folder / "manifests" / corpus / f"{part}.csv")

    def runs(self, row: Row, task: str) -> tuple[Run, ...]:
        """All that a cell needs, in order, its own run last; none without the task's corpus."""
        script = recipe_of(task)[0]
        if task in MORE_TASKS and not (Path(self.data) / Path(script).parts[1]).is_dir():
            return ()
        source = self.source(row.system)
        if row.transfer:
            source = self.transferred(source, row.transfer)
        if row.adapt == "frozen" and source.runs and source.runs[-1].words[0] == script:
            return source.runs  # fine-tuning ended with these scores
        return (*source.runs, self.task(task, source, row.adapt, row.chunk))

    def source(self, system: str) -> Source:
        """A system before it is adapted to anything."""
        if system in BASELINES:
            return Source(system, system)
        if system == XVECTOR:
            return self.transferred(SCRATCH, "full")
        if system in self.folders:
            return Source(system, self.folders[system].split(",")[self.number])
        run = self.pretraining(system)
        return Source(system, str(run.folder / "pretrained"), (run,))

    def pretraining(self, system: str) -> Run:
        """Without labels, on all training speech."""
        words = PRETRAINING[system].format(data=self.data).split()
        words += ["--data_folder", f"{self.data}/LibriSpeech"]
        words += ["--add_manifest", self.manifest("speechocean762", "train"), "--seed", self.seed]
        like = self.steps.get(system.split()[0])  # a variant is as long as its system
        if steps := self.steps.get(system, like):
            words += ["--optimizer_step_limit", steps]
        folder = self.output_folder / "pretraining" / slug(system) / self.seed
        return Run(folder, ("recipes/LibriSpeech/pretrain.py", *words))

    def transferred(self, source: Source, way: str) -> Source:
        """A system after fine-tuning with the labels of all training speech."""
        run = self.task(TRANSFER, source, way)
        return Source(f"{source.name}-{way}", str(run.folder / "model"), (*source.runs, run))

    def transfer_epochs(self, way: str) -> str:
        """Of everything: all at once lasts as long as the two steps together."""
        return str(self.epochs if way == "two_step" else HEAD_EPOCHS + self.epochs)

    def task(self, task: str, source: Source, adapt: str, chunk: float = CHUNK) -> Run:
        """A task on a system."""
        script, options = recipe_of(task)
        yaml, name = Path(script).stem, f"{slug(source.name)}-{adapt}"
        words = fill(options, self.data, self.protocol, self.output_folder)
        words += ["--pretrained", source.pretrained, "--adapt", adapt, "--seed", self.seed]
        if task == TRANSFER and adapt != "frozen":
            words += ["--add_manifest", self.manifest("LibriSpeech", "train-clean-100")]
            if source != SCRATCH:
                words += ["--number_of_epochs", self.transfer_epochs(adapt)]
        if chunk != CHUNK:  # as many chunks a batch, and so as many steps
            seconds = BATCH[yaml] * chunk / CHUNK
            words += ["--chunk_seconds", str(chunk), "--batch_seconds", f"{seconds:.3f}"]
            name += f"-{chunk:g}s"
        folder = self.output_folder / task / name / self.seed
        return Run(folder, (script, f"hparams/{yaml}.yaml", *words))


def recipe_of(task: str) -> tuple[str, str]:
    """Script and options.

    Example
    -------
    >>> recipe_of("emotion-EmoDB")
    ('recipes/EmoDB/emotion.py', '--data_folder {data}/EmoDB')
    """
    return TASKS[task].script, TASKS[task].options


def slug(name: str) -> str:
    """A name for folders.

    Example
    -------
    >>> slug("DINO with augmentation")
    'dino-with-augmentation'
    """
    return name.lower().replace(" ", "-")
