"""``python -m mgf_brain.cli``, where the script ``mgf-brain`` is not on the path."""

from mgf_brain.cli.main import main

if __name__ == "__main__":
    main()
