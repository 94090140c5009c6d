"""The utterance scale without negatives: a student names what its own slow average sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.distributed import sum_over_ranks
from mgf_brain.errors import UserError, check_share
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.objectives.collapse import effective_rank
from mgf_brain.objectives.parts.prototypes import PrototypeHead
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.parts.teacher import EMATeacher, cosine_momentum
from mgf_brain.papers import DINO


def other_views(long: torch.Tensor, short: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Products of each of a teacher's views with all of a student's but the same one, summed.

    The product of the sums, less the products of the same view.

    Arguments
    ---------
    long, short : torch.Tensor
        (N, G, C) and (N, L, C), the student's views; L may be 0.
    teacher : torch.Tensor
        (N, G, C), of the long ones.

    Returns
    -------
    torch.Tensor
        (N,) sums of G * (G + L - 1) products.

    Example
    -------
    >>> long, short = torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[5.0]]])
    >>> other_views(long, short, torch.tensor([[[1.0], [10.0]]]))  # 2 + 5 + 10 + 50
    tensor([67.])
    """
    everything = (teacher.sum(1) * (long.sum(1) + short.sum(1))).sum(1)
    return everything - (teacher * long).sum((1, 2))


def dino_pairs(
    long: torch.Tensor, short: torch.Tensor, teacher: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Cross-entropies of all pairs of a student's and a teacher's view but the same, summed.

    Caron et al. 2021, equation 3. A cross-entropy is linear in the teacher's distribution, so that
    each of the student's views is compared once with the sum of those for other views.

    Arguments
    ---------
    long, short : torch.Tensor
        (N, G, K) and (N, L, K), the student's logits.
    teacher : torch.Tensor
        (N, G, K) probabilities, of the long views.
    temperature : float
        The student's.

    Returns
    -------
    torch.Tensor
        (N,) sums over G * (G + L - 1) pairs.

    Example
    -------
    >>> long, short, teacher = torch.zeros(1, 2, 4), torch.zeros(1, 1, 4), torch.ones(1, 2, 4) / 4
    >>> dino_pairs(long, short, teacher, 0.1) / (4 * math.log(4))
    tensor([1.])
    """
    total = teacher.sum(1, keepdim=True)  # (N, 1, K)
    targets = (total - teacher, total.expand_as(short))  # what the teacher says of other views
    costs = [
        F.cross_entropy(x.flatten(0, 1) / temperature, y.flatten(0, 1), reduction="none")
        for x, y in zip((long, short), targets, strict=True)
        if x.shape[1]
    ]
    return torch.cat([x.unflatten(0, (len(long), -1)) for x in costs], dim=1).sum(1)


class Student(nn.Module):
    """What a teacher is a copy of.

    Arguments
    ---------
    speech : SpeechModel
    embedding : torch.nn.Module
    head : PrototypeHead
    """

    def __init__(self, speech: SpeechModel, embedding: nn.Module, head: PrototypeHead) -> None:
        super().__init__()
        self.speech, self.embedding, self.head = speech, embedding, head


class Distillation(Objective):
    """DINO for utterances (Caron et al. 2021; Cho et al. 2022): self-distillation, no negatives.

    The student sees all crops, its teacher (an exponential moving average) the long ones, unmasked.
    The student's distribution over prototypes is drawn to the teacher's for another crop, which is
    centred and sharpened so that neither all utterances nor all prototypes become alike.

    Arguments
    ---------
    embedding : torch.nn.Module
        ``embedding(states, valid, colour) -> (B, E)``: the paper's "f", and what is kept.
    head : PrototypeHead
    student_temperature, teacher_temperature : float
    first_teacher_temperature : float, optional
        Where the teacher's begins; it reaches its value after ``temperature_warmup``.
    temperature_warmup : float
        Share of the training.
    momentum, last_momentum : float
        Of the teacher at the start and at the end, along half a cosine.
    center_momentum : float
        Of the running mean of the teacher's logits, for each batch (of several that are
        accumulated); 1 never centres.
    frozen_prototypes : float
        Share of the training, from its start, in which the prototypes stay as drawn.
    koleo : float
        Weight of the KoLeo term, see ``koleo``; of the utterances that a process has at a time.
    cosine : float
        Weight of 1 - cosine of a pair's embeddings, for each pair (Villalba's later recipe).
    export : str
        "teacher", as in the paper, or "student": whose encoder and embedding are kept.

    Raises
    ------
    UserError
        If a temperature is not above 0, a momentum is no share, or ``export`` is neither.

    Example
    -------
    >>> from mgf_brain.nn.pooling import UtteranceHead
    >>> objective = Distillation(UtteranceHead(8, 4), PrototypeHead(256, 16))
    >>> objective.center.shape
    torch.Size([16])
    """

    papers = (DINO,)
    reads_frames = False
    center: torch.Tensor  # (K,), of the teacher's logits

    def __init__(
        self,
        embedding: nn.Module,
        head: PrototypeHead,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        first_teacher_temperature: float | None = None,
        temperature_warmup: float = 0.0,
        momentum: float = 0.996,
        center_momentum: float = 0.9,
        frozen_prototypes: float = 0.0,
        koleo: float = 0.0,
        cosine: float = 0.0,
        last_momentum: float = 1.0,
        export: str = "teacher",
    ) -> None:
        super().__init__()
        first = first_teacher_temperature
        first = teacher_temperature if first is None else first
        if min(student_temperature, teacher_temperature, first) <= 0.0:
            raise UserError("student_, teacher_, first_teacher_temperature: pass values above 0.")
        if export not in ("teacher", "student"):
            raise UserError(f"export: must be teacher or student, not {export!r}.")
        check_share("teacher_momentum", momentum)
        check_share("last_teacher_momentum", last_momentum)
        check_share("center_momentum", center_momentum)
        self.embedding, self.head = embedding, head
        self.state = getattr(embedding, "layer", -1)
        self.student_temperature = student_temperature
        self.temperatures = Ramp(first, teacher_temperature, temperature_warmup)
        self.momenta, self.export = (momentum, last_momentum), export
        self.center_momentum, self.frozen_prototypes = center_momentum, frozen_prototypes
        self.koleo, self.cosine, self.progress = koleo, cosine, 0.0
        self.register_buffer("center", torch.zeros(len(head.prototypes)))

    def attach(self, speech: SpeechModel) -> None:
        """Make the teacher, of the speech model, the embedding and the head."""
        student = Student(speech, self.embedding, self.head)
        self._student = (student,)  # a tuple: the speech model is not this objective's to register
        self.teacher = EMATeacher(student)

    def start_step(self, progress: float) -> None:
        """Remember how far the training is."""
        self.progress = progress

    def end_backward(self) -> None:
        """Leave the prototypes as they are for a while: no gradient, hence no decay either."""
        if self.progress < self.frozen_prototypes:
            self.head.prototypes.grad = None

    def end_step(self, progress: float) -> None:
        """Let the teacher follow."""
        self.teacher.update(self._student[0], cosine_momentum(progress, *self.momenta))

    def exported(self) -> dict[str, nn.Module]:
        """Encoder and embedding of the teacher, as in the paper, or of the student."""
        kept = self.teacher.model if self.export == "teacher" else self._student[0]
        return {"speech_model": kept.speech, "embedding": kept.embedding}

    @torch.no_grad()
    def _teach(self, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
        """The teacher's embeddings (B, E) and logits (B, K) of the long crops, unmasked."""
        model, batch = self.teacher.model, encoded.batch
        frames = model.speech.front_end(batch.wavs, batch.lengths, encoded.perturb)
        states = model.speech.encode(frames, tracks=batch.tracks)
        embeddings = model.embedding(states, encoded.valid, frames.colour)
        return embeddings, model.head(embeddings)

    def forward(self, encoded: Encoded) -> Terms:
        """One term for each pair of views of an utterance; (N,) utterances."""
        views = [encoded] if encoded.local is None else [encoded, encoded.local]
        rows = [self.embedding(v.states, v.valid, v.frames.colour) for v in views]
        logits = self.head(torch.cat(rows))
        split = partial(_long_and_short, utterances=int(encoded.batch.groups.max()) + 1)
        (long, short), embeddings = split(logits.split([len(x) for x in rows])), split(rows)
        target, taught = (split([x])[0] for x in self._teach(encoded))  # (N, G, E), (N, G, K)
        p = F.softmax((taught - self.center) / self.teacher_temperature, dim=-1)
        sums = dino_pairs(long, short, p, self.student_temperature)
        pairs = p.shape[1] * (long.shape[1] + short.shape[1] - 1)
        extra = self._regulariser(*embeddings, target)
        figures = _figures(long / self.student_temperature, p)
        figures["constant"] = figures["constant"] + extra.detach().mean()
        figures["rank"] = effective_rank(rows[0].detach().float())
        if self.training:
            self._update_center(taught)
        counts = torch.full_like(sums, pairs, dtype=torch.long)
        return Terms(sums + pairs * extra, counts, figures)

    @property
    def teacher_temperature(self) -> float:
        """At this point of the training.

        Example
        -------
        >>> head, begin = PrototypeHead(8, 4, hidden=8, bottleneck=4), {"temperature_warmup": 0.2}
        >>> objective = Distillation(nn.Identity(), head, first_teacher_temperature=0.02, **begin)
        >>> objective.start_step(progress=0.1)
        >>> round(objective.teacher_temperature, 3)
        0.03
        """
        return self.temperatures.at(self.progress)

    def _regulariser(
        self, long: torch.Tensor, short: torch.Tensor, teacher: torch.Tensor
    ) -> torch.Tensor:
        """Of embeddings (N, G, E), (N, L, E) and (N, G, E): (N,), 0 by default."""
        total = long.new_zeros(len(long))
        if self.koleo:
            total = total + self.koleo * koleo(long[:, 0])
        if self.cosine:
            x, y, z = (F.normalize(views.float(), dim=-1) for views in (long, short, teacher))
            pairs = z.shape[1] * (x.shape[1] + y.shape[1] - 1)
            total = total + self.cosine * (1.0 - other_views(x, y, z) / pairs)
        return total

    @torch.no_grad()
    def _update_center(self, logits: torch.Tensor) -> None:
        rows = sum_over_ranks(torch.tensor(logits[..., 0].numel(), device=logits.device))
        mean = sum_over_ranks(logits.sum((0, 1))) / rows
        if mean.isfinite().all():  # a batch that is refused must not stay in the center
            self.center.lerp_(mean, 1.0 - self.center_momentum)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """None here: "constant", the entropy of the mean prediction, is among the figures."""
        return {}


def _long_and_short(
    parts: Sequence[torch.Tensor], utterances: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of long and perhaps of short crops, as (N, G, C) and (N, L, C)."""
    long, *rest = (part.unflatten(0, (utterances, -1)) for part in parts)
    return long, rest[0] if rest else long[:, :0]


def koleo(x: torch.Tensor) -> torch.Tensor:
    """Minus the logarithm of each vector's distance to its nearest neighbour.

    Kozachenko and Leonenko's estimate of the entropy, as a loss (Sablayrolles et al. 2019).

    Arguments
    ---------
    x : torch.Tensor
        (N, E), compared by direction.

    Returns
    -------
    torch.Tensor
        (N,).

    Example
    -------
    >>> (koleo(torch.eye(3)) + math.log(2) / 2).abs().max().item() < 1e-6
    True
    """
    x = F.normalize(x.float(), dim=1)
    with torch.autocast(x.device.type, enabled=False):  # cosines in bf16 are too coarse
        cosine = (x @ x.T).fill_diagonal_(-1.0).max(1).values
    return -(2.0 - 2.0 * cosine).clamp(min=1e-8).sqrt().log()


@torch.no_grad()
def _figures(logits: torch.Tensor, p: torch.Tensor) -> dict[str, torch.Tensor]:
    """Does the teacher say something, and not the same of everybody?

    Entropies in percent of that of the uniform distribution; "information" is what a prediction
    tells of its utterance, in nat: 0 both if all say the same and if all say nothing. "divergence"
    is from the student's prediction for the same crop to the teacher's, in nat.
    """
    most = math.log(p.shape[-1])
    mean = torch.special.entr(p.mean((0, 1))).sum()
    single = torch.special.entr(p).sum(-1).mean()
    return {
        "constant": mean,
        "entropy": 100.0 * single / most,
        "batch_entropy": 100.0 * mean / most,
        "information": mean - single,
        "divergence": -(p * logits.log_softmax(-1)).sum(-1).mean() - single,
    }
