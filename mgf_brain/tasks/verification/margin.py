"""The head that speaker embeddings are trained with."""

from __future__ import annotations

import torch
from speechbrain.nnet.losses import AdditiveAngularMargin
from torch import nn
from torch.nn import functional as F


class AngularMarginHead(nn.Module):
    """Additive angular margin softmax, AAM-softmax or ArcFace (Deng et al. 2019, equation 3).

    An embedding at the angle a to its own class's weight is scored by cos(a + margin), all other
    classes by their cosine. Beyond a = pi - margin, where cos(a + margin) would rise again, the
    score is cos(a) - margin sin(margin), as in the authors' code (``easy_margin`` off).

    The margin is SpeechBrain's; its ``LogSoftmaxWrapper`` is a cross-entropy over (B, 1, C).

    Arguments
    ---------
    dim : int
        E, channels of an embedding.
    classes : int
        C, training speakers.
    margin : float
        In radian, settable at any time: training may begin with 0 and raise it. 0.2 is usual for
        speakers (Xiang et al. 2019, ECAPA-TDNN), less than the 0.5 for faces.
    scale : float
        By which cosines become logits; 30 likewise.

    Example
    -------
    >>> head = AngularMarginHead(dim=16, classes=10, margin=0.0)
    >>> embeddings, labels = torch.randn(4, 16), torch.tensor([1, 2, 3, 4])
    >>> easy = head(embeddings, labels)
    >>> head.margin = 0.2
    >>> bool(head(embeddings, labels) > easy), head.logits(embeddings).shape
    (True, torch.Size([4, 10]))
    """

    def __init__(self, dim: int, classes: int, margin: float = 0.2, scale: float = 30.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.xavier_uniform_(self.weight)
        self.scale = scale
        self.margin = margin

    @property
    def margin(self) -> float:
        """The margin in radian."""
        return self.penalty.margin

    @margin.setter
    def margin(self, margin: float) -> None:
        """Replace it."""
        # A new one, since it computes the margin's sine and cosine once.
        self.penalty = AdditiveAngularMargin(margin, self.scale)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy with the margin.

        Arguments
        ---------
        embeddings : torch.Tensor
            (B, E), of any length.
        labels : torch.Tensor
            (B,) int64 in [0, C).

        Returns
        -------
        torch.Tensor
            Scalar, in nat.
        """
        own = F.one_hot(labels, len(self.weight))
        return F.cross_entropy(self.penalty(self._cosines(embeddings), own), labels)

    def logits(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Scaled cosines without the margin: (B, E) -> (B, C), for accuracy and posteriors."""
        return self.scale * self._cosines(embeddings)

    def _cosines(self, embeddings: torch.Tensor) -> torch.Tensor:
        with torch.autocast(
            embeddings.device.type, enabled=False
        ):  # bf16 would be 0.06 a logit off
            return F.linear(F.normalize(embeddings.float()), F.normalize(self.weight))
