"""From utterances to batches: crops, the order of the epoch, loading, padding."""
