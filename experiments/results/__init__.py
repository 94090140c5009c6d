"""All results: every system on every task with three seeds, and RESULTS.md made of them.

``systems.py`` and ``claims.py`` are the two tables to edit; ``plan.py`` makes runs of them,
``rows.py`` keeps what runs left in ``docs/results.csv``, ``page.py`` writes RESULTS.md and the
tables of other pages from that file alone.
"""
