#!/usr/bin/env python3
"""Verify speakers by the cosine of frozen utterance embeddings, on a list of your own.

> python recipes/Custom/verification.py hparams/verification.yaml --pretrained <folder> \
    --trials trials.txt --list_root /path/to/audio
"""

import sys
import time
from pathlib import Path

from torch import nn

from mgf_brain.config import load_experiment
from mgf_brain.data.trials import read_trials
from mgf_brain.downstream import finish_run, open_run
from mgf_brain.errors import run_main
from mgf_brain.metrics import eer, min_dcf
from mgf_brain.scoring import cosine_scores


def verify(hparams, extractor, trials):
    """EER in percent and normalised minimum costs of the trials."""
    embeddings = extractor.embeddings(trials.utterances)
    if hparams["pretrained"] == "random":  # nothing was trained: the trials' own statistics must do
        embeddings = extractor.standardise(embeddings)
    scores = cosine_scores(embeddings, trials.pairs)
    split = scores[trials.same].numpy(), scores[~trials.same].numpy()
    return {
        "eer": eer(*split),
        "min_dcf": min_dcf(*split, p_target=0.01),
        "min_dcf_p05": min_dcf(*split, p_target=0.05),
    }


def main():
    """Read the yaml and the list, embed every utterance once, score all trials."""
    started = time.time()
    experiment = load_experiment(sys.argv[1:])
    hparams = experiment.hparams
    root = hparams["list_root"] or Path(hparams["trials"]).parent
    trials = read_trials(hparams["trials"], root)
    extractor = open_run(experiment)
    encoding = time.time()
    metrics = verify(hparams, extractor, trials)
    finish_run(
        experiment,
        trials.utterances,
        nn.Identity(),
        metrics,
        recipe="recipes/Custom/verification.py",
        started=started,
        encoding_s=time.time() - encoding,
    )


if __name__ == "__main__":
    run_main(main)
