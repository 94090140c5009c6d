"""``mgf-brain bench``: every task on every model, and one table."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path

HELP = "Compare models on tasks: one page and table with intervals, resumed where it was stopped."
EXAMPLES = """\
  mgf-brain bench fbank random --tasks emotion --data corpora --output_folder results/bench
  mgf-brain bench fbank MGF=results/mgf/1986 --manifest own.csv --output_folder results/own
  mgf-brain bench fbank user/model --data corpora --protocol lists --seeds 3 --output_folder all
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The models, the tasks, where the speech is, and how it is run."""
    parser.add_argument(
        "models",
        nargs="+",
        help="what --pretrained takes; name=model names it, name=model,model is one a seed",
    )
    parser.add_argument(
        "--tasks",
        default="",
        help="with commas; emotion means all that begin so (default: all whose corpus is there)",
    )
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--data", help="folder of the corpora; with --manifest, of its audio")
    parser.add_argument("--protocol", help="folder of labels and lists")
    parser.add_argument("--manifest", help="your own speech in place of the corpora")
    parser.add_argument("--trials", help="your own trial list, for verification")
    parser.add_argument("--seeds", type=_count, default=1, help="(default: %(default)s)")
    parser.add_argument("--adapt", default="frozen", help="(default: %(default)s)")
    parser.add_argument("--jobs", type=_count, default=1, help="processes at once")
    parser.add_argument(
        "--trust", action="store_true", help="run the code of models that are code of your own"
    )
    parser.add_argument(
        "--options", default="", help='more for each recipe: --options="--device cuda:0"'
    )


def run(args: argparse.Namespace) -> None:
    """Carry out what is missing; table and page are made anew in between."""
    from mgf_brain.bench.plan import make_plan

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends its processes too
    extra = [*shlex.split(args.options), *(["--trust", "True"] if args.trust else [])]
    words = [word.strip() for word in args.tasks.split(",") if word.strip()]
    plan = make_plan(
        words,
        args.models,
        args.output_folder,
        data=args.data,
        protocol=args.protocol,
        manifest=args.manifest,
        trials=args.trials,
        seeds=args.seeds,
        adapt=args.adapt,
        extra=extra,
    )
    from mgf_brain.bench.command import compare

    if failed := compare(plan, args.jobs):
        print(f"error: {failed} runs failed, see {args.output_folder}/index.html", file=sys.stderr)
        sys.exit(1)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value
