"""Words or phones of an utterance, by CTC."""
