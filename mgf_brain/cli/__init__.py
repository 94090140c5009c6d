"""The command ``mgf-brain``: one module a command.

A command is a module with ``HELP``, one line; ``EXAMPLES``, shown below its options;
``add_arguments(parser)`` and ``run(args)``. What takes seconds to import, torch above all, is
imported where it is used, so that help and wrong options answer at once.
"""
