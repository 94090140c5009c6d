#!/usr/bin/env python3
r"""Pretrain a speech encoder on LibriSpeech, or on the embedded corpus, without labels.

> python recipes/LibriSpeech/pretrain.py hparams/mgf.yaml
> python recipes/LibriSpeech/pretrain.py hparams/mgf.yaml \
    --data_folder /path/to/LibriSpeech --size base

Other systems run in the same way: hparams/dino.yaml, hparams/mgf_dino.yaml, hparams/mt4ssl.yaml,
hparams/hubert.yaml, hparams/wavlm.yaml, hparams/data2vec.yaml, hparams/wav2vec2.yaml,
hparams/bestrq.yaml and hparams/progre.yaml. Only the folders train-*
(and dev-*, for validation) are read.
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import run_main
from mgf_brain.pretraining.run import pretrain_corpus
from mgf_brain.run.recipe import Recipe


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    return pretraining_utterances(hparams, prepare_librispeech)


def main():
    """Train, export, report."""
    pretrain_corpus(Recipe("LibriSpeech", "pretrain"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
