"""From corpora to batches: preparation, manifests, audio, crops, sampling, the embedded corpus."""
