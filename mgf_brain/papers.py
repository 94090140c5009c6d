"""The papers that methods are from: a class names its own in ``papers``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """What a model card says of a paper: a sentence, and its BibTeX entry."""

    text: str
    entry: str


MGF = Paper(
    "The multi-granularity framework (its hyper-parameters are not published: those here are "
    "mgf_brain's own):",
    """\
@article{zhao2021general,
  title   = {General-Purpose Speech Representation Learning through a Self-Supervised
             Multi-Granularity Framework},
  author  = {Zhao, Yucheng and Yin, Dacheng and Luo, Chong and Zhao, Zhiyuan and Tang, Chuanxin
             and Zeng, Wenjun and Zha, Zheng-Jun},
  journal = {arXiv preprint arXiv:2102.01930},
  year    = {2021}
}""",
)
DINO = Paper(
    "Self-distillation of utterance embeddings without labels:",
    """\
@article{cho2022noncontrastive,
  title   = {Non-Contrastive Self-Supervised Learning of Utterance-Level Speech Representations},
  author  = {Cho, Jaejin and Pappagari, Raghavendra and {\\.Z}elasko, Piotr and
             Moro-Vel{\\'a}zquez, Laureano and Villalba, Jes{\\'u}s and Dehak, Najim},
  journal = {arXiv preprint arXiv:2208.05413},
  year    = {2022}
}""",
)
HUBERT = Paper(
    "Masked prediction of k-means clusters:",
    """\
@article{hsu2021hubert,
  title   = {{HuBERT}: Self-Supervised Speech Representation Learning by Masked Prediction of
             Hidden Units},
  author  = {Hsu, Wei-Ning and Bolte, Benjamin and Tsai, Yao-Hung Hubert and Lakhotia, Kushal and
             Salakhutdinov, Ruslan and Mohamed, Abdelrahman},
  journal = {arXiv preprint arXiv:2106.07447},
  year    = {2021}
}""",
)
DATA2VEC = Paper(
    "Prediction of a teacher's states:",
    """\
@article{baevski2022data2vec,
  title   = {data2vec: A General Framework for Self-supervised Learning in Speech, Vision and
             Language},
  author  = {Baevski, Alexei and Hsu, Wei-Ning and Xu, Qiantong and Babu, Arun and Gu, Jiatao and
             Auli, Michael},
  journal = {arXiv preprint arXiv:2202.03555},
  year    = {2022}
}""",
)
MT4SSL = Paper(
    "Offline and online targets together:",
    """\
@article{ma2022mt4ssl,
  title   = {{MT4SSL}: Boosting Self-Supervised Speech Representation Learning by Integrating
             Multiple Targets},
  author  = {Ma, Ziyang and Zheng, Zhisheng and Tang, Changli and Wang, Yujin and Chen, Xie},
  journal = {arXiv preprint arXiv:2211.07321},
  year    = {2022}
}""",
)
WAV2VEC2 = Paper(
    "Contrast with quantised latents:",
    """\
@article{baevski2020wav2vec,
  title   = {wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations},
  author  = {Baevski, Alexei and Zhou, Henry and Mohamed, Abdelrahman and Auli, Michael},
  journal = {arXiv preprint arXiv:2006.11477},
  year    = {2020}
}""",
)
BESTRQ = Paper(
    "Labels of a random quantiser:",
    """\
@article{chiu2022bestrq,
  title   = {Self-Supervised Learning with Random-Projection Quantizer for Speech Recognition},
  author  = {Chiu, Chung-Cheng and Qin, James and Zhang, Yu and Yu, Jiahui and Wu, Yonghui},
  journal = {arXiv preprint arXiv:2202.01855},
  year    = {2022}
}""",
)
WAVLM = Paper(
    "Utterances mixed with others:",
    """\
@article{chen2021wavlm,
  title   = {{WavLM}: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing},
  author  = {Chen, Sanyuan and Wang, Chengyi and Chen, Zhengyang and others},
  journal = {arXiv preprint arXiv:2110.13900},
  year    = {2021}
}""",
)
PROGRE = Paper(
    "Progressive extraction of pitch variation, speaker and content:",
    """\
@article{wang2024progre,
  title   = {Progressive Residual Extraction based Pre-training for Speech Representation
             Learning},
  author  = {Wang, Tianrui and others},
  journal = {arXiv preprint arXiv:2409.00387},
  year    = {2024}
}""",
)


def papers_of(classes: Iterable[object]) -> list[Paper]:
    """What to cite for a training.

    Arguments
    ---------
    classes : iterable of object
        Of its objectives and of its augmentation. One without ``papers`` is nobody's.

    Returns
    -------
    list of Paper
        Each once.

    Example
    -------
    >>> from mgf_brain.objectives import ClusterPrediction, TeacherRegression
    >>> [paper.text for paper in papers_of([ClusterPrediction, TeacherRegression])][2]
    'Offline and online targets together:'
    """
    papers = [paper for made_by in classes for paper in getattr(made_by, "papers", ())]
    if {HUBERT, DATA2VEC} <= set(papers):
        papers.append(MT4SSL)
    return list(dict.fromkeys(papers))
