"""``mgf-brain export``: a model anew, for what else may load it, or whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from mgf_brain.cli.loading import say
from mgf_brain.errors import UserError
from mgf_brain.folder.model_names import refuse_absent

HELP = "Write a model anew: for SpeechBrain, transformers or an ONNX runtime, or whole."
EXAMPLES = """\
  mgf-brain export --to speechbrain results/EmoDB/emotion/mgf-1986-frozen/1986/model for_speechbrain
  mgf-brain export --to transformers results/LibriSpeech/mgf/1986/pretrained for_transformers
  mgf-brain export --to transformers --as hubert user/name for_transformers
  mgf-brain export --to onnx results/LibriSpeech/mgf/1986/pretrained for_onnx
  mgf-brain export --to mgf_brain results/EmoDB/emotion/mgf-1986-lora/1986/model whole
  mgf-brain export --to mgf_brain --half results/LibriSpeech/mgf/1986 half
  mgf-brain export --to mgf_brain --base user/mgf results/EmoDB/emotion/mgf-frozen/1986 head
"""
TARGETS = ("speechbrain", "transformers", "onnx", "mgf_brain")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, where it goes, and for whom."""
    parser.add_argument("folder", help="pretrained/ or model/ of a run, or a hub id, user/name")
    parser.add_argument("output", help="a new folder")
    parser.add_argument(
        "--to",
        required=True,
        choices=TARGETS,
        help="what is to load it; mgf_brain: "
        "what --adapt lora has left is written whole, with the model that it adapts",
    )
    parser.add_argument(
        "--as",
        dest="loaded_as",
        metavar="NAME",
        help="speechbrain: the class that is to load it, such as EncoderASR, which is checked; "
        "transformers: wav2vec2 or hubert, where a model can be both",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="mgf_brain: store parameters in float16; they are loaded to float32",
    )
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="mgf_brain: leave out what the encoder of this model has, and name it in its place",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="build whatever the folder's yaml names: for folders of your own only",
    )


def run(args: argparse.Namespace) -> None:
    """Export, and print the classes that load it."""
    output = Path(args.output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output} exists and is not empty. Name a new folder.")
    if args.to != "mgf_brain" and (args.half or args.base):
        raise UserError("--half and --base are for --to mgf_brain. Leave them out.")
    refuse_absent(args.folder)
    from mgf_brain.foreign.source import open_model
    from mgf_brain.inference.any_model import load_any
    from mgf_brain.nn.low_rank import merge_low_rank

    source = open_model(args.folder, args.trust)
    model, folder = load_any(source, trust=args.trust), source.place
    merge_low_rank(model)
    if args.to == "mgf_brain":
        from mgf_brain.interchange.whole import export_whole

        base = open_model(args.base, args.trust) if args.base else None
        names = export_whole(model, source, output, args.half, base)
    elif args.to == "onnx":
        from mgf_brain.interchange.onnx import export_onnx

        if args.loaded_as:
            raise UserError("--as: an ONNX graph has no class. Leave it out.")
        difference = export_onnx(model, folder, output)
        names = f"model.onnx, which differs from the model by {difference:.1g} at most"
    elif args.to == "speechbrain":
        from mgf_brain.interchange.speechbrain import export_speechbrain

        names = ", ".join(export_speechbrain(model, folder, output, args.loaded_as))
    else:
        from mgf_brain.interchange.transformers import export_transformers

        names = export_transformers(model, folder, output, args.loaded_as)
    say(output, f"loads in {args.to} as {names}; see its README.md")
