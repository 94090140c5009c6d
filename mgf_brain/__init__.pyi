from .folder.hub import pull as pull
from .folder.hub import push as push
from .inference.classification import EmotionClassifier as EmotionClassifier
from .inference.classification import UtteranceClassifier as UtteranceClassifier
from .inference.encoder import SpeechEncoder as SpeechEncoder
from .inference.enhancement import Enhancer as Enhancer
from .inference.recognition import SpeechRecognizer as SpeechRecognizer
from .inference.verification import SpeakerVerifier as SpeakerVerifier

__version__: str
