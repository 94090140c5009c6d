"""``mgf-brain bench``: every task on every model, one table with intervals, one page.

``tasks.py`` says which recipes there are, ``plan.py`` what a command asks for, ``processes.py``
carries it out, ``differences.py`` compares, ``table.py``, ``files.py`` and ``page.py`` show it;
``leaderboard.py`` joins the tables of several folders.
"""
