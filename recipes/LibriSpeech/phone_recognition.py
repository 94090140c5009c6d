#!/usr/bin/env python3
"""Recognise the phones of LibriSpeech by CTC, words taken from a lexicon.

> python recipes/LibriSpeech/phone_recognition.py hparams/phone_recognition.yaml \
    --pretrained <folder> --data_folder /path/to/LibriSpeech --lexicon librispeech-lexicon.txt
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.labels.transcripts import phone_transcripts, read_lexicon
from mgf_brain.downstream.run import corpus_parts, parts_named
from mgf_brain.errors import UserError, run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import with_words
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their phones."""
    if not hparams["lexicon"]:
        raise UserError("lexicon: LibriSpeech has words only. Pass --lexicon <file>.")
    parts = corpus_parts(hparams, prepare_librispeech)
    train, test = (
        with_words(parts_named(parts, hparams[k])) for k in ("train_parts", "test_parts")
    )
    lexicon = read_lexicon(hparams["lexicon"])
    phones = phone_transcripts([*train, *test], lexicon, hparams["max_unknown_share"])
    train, test = ([u for u in rows if u.id in phones] for rows in (train, test))
    return train, test, {id: " ".join(row) for id, row in phones.items()}


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("LibriSpeech", "phone_recognition"), dataio_prepare, phones=True)


if __name__ == "__main__":
    run_main(main)
