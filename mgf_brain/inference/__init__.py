"""Using what was trained: one class for each use, each from one folder."""

from mgf_brain.inference.classification import EmotionClassifier, UtteranceClassifier
from mgf_brain.inference.encoder import SpeechEncoder, example_encoder
from mgf_brain.inference.enhancement import Enhancer
from mgf_brain.inference.recognition import SpeechRecognizer
from mgf_brain.inference.tokens import Tokens
from mgf_brain.inference.verification import SpeakerVerifier

__all__ = [
    "EmotionClassifier",
    "Enhancer",
    "SpeakerVerifier",
    "SpeechEncoder",
    "SpeechRecognizer",
    "Tokens",
    "UtteranceClassifier",
    "example_encoder",
]
