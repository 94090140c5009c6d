"""Packaging of mgf_brain; each range of versions says why it stands there."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "mgf_brain/__init__.py").read_text())[1]

REQUIRED = [
    # Brain, Checkpointer and RunOptions are subclassed and read: 1.1.2 is the release that the
    # code was written against, and a new minor version may move them.
    "speechbrain>=1.1.2,<1.2",
    # 2.11 is the release that torchaudio 2.11 belongs to, 2.14 the newest that was tried with it.
    "torch>=2.11,<2.15",
    # One series only, since its compiled part binds to torch's. PyPI's wheel for x86-64 needs
    # torch's CUDA build even without a GPU: it imports with torch 2.14.1, not with 2.13.0+cpu.
    "torchaudio>=2.11,<2.12",
    # The release that the code was written against; its `core` is imported too.
    "hyperpyyaml>=1.2.3,<1.3",
    "pyyaml>=5.1",  # HyperPyYAML's too, which lets its errors through
    # HyperPyYAML 1.2.3's own range: 0.19 breaks it.
    "ruamel.yaml>=0.17.28,<0.19",
    # From here on any release serves that SpeechBrain or this package works with; minima, where
    # there are any, are SpeechBrain's own, so that an old installation fails on installing.
    "sentencepiece>=0.1.91",
    "numpy>=1.17",
    "scipy>=1.4.1",
    "tqdm>=4.42",
    "lazy_loader>=0.4",  # public names, `mgf_brain.nn.X`, imported once they are used
    "soundfile>=0.12.1",  # decodes all audio: torchaudio's I/O is gone
    "safetensors",
    "scikit-learn",
    "jinja2>=3.1",  # pages are its templates; a text in them is escaped unless it is Markup
    "markupsafe>=2",  # which is this; jinja2 brings it
    "jiwer>=3",  # word and character error rates with alignments
    # F0 by WORLD's DIO. The same code as pyworld, whose last source release (0.3.5) does not import
    # with setuptools 82 and later; this one has wheels from Python 3.10 on. MIT, WORLD itself BSD.
    "pyworld-prebuilt>=0.3.6",
    "huggingface_hub>=1",  # its errors and `hf auth login`, as mgf_brain/folder/hub.py has them
    "matplotlib",
    "tensorboard",
]

# `mgf-brain export --to onnx`. PyTorch's exporter needs the first two, whatever their release; the
# third compares what was written with the model.
ONNX = ["onnx", "onnxscript", "onnxruntime"]

EXTRAS = {
    # Synthesises the embedded corpus. GPL-3, hence never required. 0.2.4 is the release whose
    # voices and events the corpus was made with.
    "demo": ["espeakng-loader>=0.2.4"],
    # No upper bounds: a new lint rule shows at once and is mended at once. transformers is the
    # oracle of exports to it and of its systems' losses: 5 is the series that these tests know.
    "dev": [
        "pytest>=8",
        "pytest-xdist>=3",  # tests on all cores
        "pytest-timeout>=2.3",  # a hang is a failure
        "hypothesis>=6.100",  # draws the inputs of tests/faults
        "ruff>=0.12",
        "yamllint>=1.35",
        "transformers>=5",
        "import-linter>=2.17",
        "grimp",
        "basedpyright>=1.40",
        *ONNX,
        "jupytext>=1.16",  # tutorials are run as the notebooks that `make docs` makes of them
        "nbclient>=0.10",
        "ipykernel>=6",
    ],
}
EXTRAS["onnx"] = ONNX

# Published models that our own classes are not made of: Whisper, w2v-BERT, Conformer, SEW.
EXTRAS["transformers"] = ["transformers>=5"]
EXTRAS["all"] = sorted({package for extra in EXTRAS.values() for package in extra})

# `make docs`. MkDocs' Material theme, the other choice, ends in 2027.
EXTRAS["docs"] = ["sphinx>=8", "myst-parser>=4", "furo", "sphinx-copybutton", "jupytext>=1.16"]

# Compiles on installation; beam search with a language model in ARPA format. SpeechBrain's scorer
# imports pygtrie too.
EXTRAS["lm"] = ["kenlm", "pygtrie"]

# `mgf-brain embed --output x.parquet`. Not in [all]: large, and .npz serves without it.
EXTRAS["parquet"] = ["pyarrow"]

# Scores of enhanced speech beside SI-SDR. pesq compiles on installation.
EXTRAS["enhancement"] = ["pystoi>=0.4", "pesq>=0.0.4"]

# What the benchmarks compare with, beside SpeechBrain and torchaudio. Not in [all]: large.
EXTRAS["bench"] = EXTRAS["transformers"]

BESIDE = {f"mgf_brain.{folder}": folder for folder in ("recipes", "hparams")}

setup(
    name="mgf_brain",
    version=VERSION,
    description="General-purpose self-supervised speech representations: recipes for SpeechBrain",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    # A wheel has recipes/ and hparams/ in the package: mgf_brain/run/places.py finds them.
    packages=[*find_packages(include=["mgf_brain", "mgf_brain.*"]), *BESIDE],
    package_dir=BESIDE,
    package_data={
        "": ["*.pyi", "py.typed", "templates/*.html", "keys.yaml", "weights/*/*"],
        "mgf_brain.recipes": ["*/*.py", "*/*.md"],
        "mgf_brain.hparams": ["*.yaml", "*/*.yaml"],
    },
    classifiers=["Programming Language :: Python :: 3.11"],  # those that the tests were run with
    python_requires=">=3.10",  # types are written X | Y, and read at run time
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mgf-brain=mgf_brain.cli.main:main"]},
)
