"""What else is known of utterances: transcripts, trials, phones, tracks."""
