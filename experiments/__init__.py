"""Experiments of many runs: resumable scripts that fill the tables of the READMEs."""
