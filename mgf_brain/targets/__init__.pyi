from .cluster_labels import ClusterLabels as ClusterLabels
from .pitch import PitchTracks as PitchTracks
from .speaker_clusters import cluster_speakers as cluster_speakers
from .speaker_labels import SpeakerTargets as SpeakerTargets
