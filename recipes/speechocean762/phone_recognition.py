#!/usr/bin/env python3
"""Recognise the canonical phones of speechocean762 by CTC: 39 phones, train to test.

> python recipes/speechocean762/phone_recognition.py hparams/phone_recognition.yaml \
    --pretrained <folder> --data_folder /path/to/speechocean762
"""

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.labels.transcripts import canonical_phones
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their phones."""
    parts = corpus_parts(hparams, prepare_speechocean762)
    phones = canonical_phones(hparams["data_folder"])
    train, test = ([u for u in parts[name] if u.id in phones] for name in ("train", "test"))
    return train, test, {id: " ".join(row) for id, row in phones.items()}


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("speechocean762", "phone_recognition"), dataio_prepare, phones=True)


if __name__ == "__main__":
    run_main(main)
