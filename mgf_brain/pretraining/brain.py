"""Pretraining with any set of objectives on any speech model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any

import speechbrain as sb
import torch

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.distributed import processes, sum_over_ranks
from mgf_brain.objectives.base import Encoded, Terms
from mgf_brain.objectives.collapse import collapse_figures, unhealthy
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.pretraining.gradients import gradient_shares
from mgf_brain.run.brain import BaseBrain

Outputs = tuple[Encoded, dict[str, Terms]]


class PretrainingBrain(BaseBrain):
    """The weighted sum of a model's objectives, logged one by one.

    Of several batches that make one step, each weighs by its terms, of all objectives together: as
    one batch of all their rows, if there is one objective. With several, a mean over few terms
    (utterances) weighs by those of the others beside it (frames).

    ``modules`` holds one module, ``model`` (PretrainingModel); ``valid_loader`` is set before
    ``fit``. ``hparams`` holds ``optimizer_step_limit`` and ``gradient_interval`` (lines of the log
    between two with shares of the gradient; 0 for none) beside what ``BaseBrain`` reads. What
    ``milestones`` holds for a number of optimizer steps is called after that step, ``validated``
    with the figures of each validation.
    """

    valid_loader: Iterable[SpeechBatch] = ()
    milestones: Mapping[int, Callable[[], None]] = MappingProxyType({})
    validated: Callable[[dict[str, float]], None] | None = None
    _shares: Mapping[str, float] | None = None  # of the gradient; None if they are not asked for
    _counts: Sequence[float] = ()  # terms of the batches of this step

    @property
    def model(self) -> PretrainingModel:
        """The model without the wrapper of distributed training."""
        model: Any = self.modules.model
        return getattr(model, "module", model)

    def on_fit_batch_start(self, batch: SpeechBatch, should_step: bool) -> None:
        """Tell the objectives how far the training is."""
        super().on_fit_batch_start(batch, should_step)
        self.model.start_step(self._done)
        if (self.step - 1) % self.grad_accumulation_factor == 0:
            self._counts = []
        lines = getattr(self.hparams, "gradient_interval", 0)  # which older runs don't have
        due = lines and (self.optimizer_step + 1) % (lines * self.hparams.log_interval) == 0
        self._shares = {} if due and should_step else None

    def optimizers_step(self) -> None:
        """Let the objectives see the gradients first."""
        self.model.end_backward()
        if len(self._counts) > 1:  # so far, of the sum of batches that weigh by the first one
            gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
            mean = len(self._counts) * self._counts[0] / sum(self._counts)
            torch._foreach_mul_(gradients, mean)  # pyright: ignore[reportPrivateImportUsage]  # no public way
        super().optimizers_step()

    def on_fit_batch_end(
        self, batch: SpeechBatch, outputs: Outputs, loss: torch.Tensor, should_step: bool
    ) -> None:
        """After an optimizer step, teachers follow."""
        if should_step:
            self.model.end_step(self._done)
        super().on_fit_batch_end(batch, outputs, loss, should_step)
        if should_step and self.optimizer_step in self.milestones:
            self.count_audio()
            self.milestones[self.optimizer_step]()
            self._start_clock()

    @property
    def _done(self) -> float:
        return min(1.0, self.optimizer_step / self.hparams.optimizer_step_limit)

    def compute_forward(self, batch: SpeechBatch, stage: sb.Stage) -> Outputs:
        """Encode a batch once, for all objectives."""
        model: Any = self.modules.model  # which DistributedDataParallel may wrap
        return model(batch.to(self.device))

    def compute_objectives(
        self, predictions: Outputs, batch: SpeechBatch, stage: sb.Stage
    ) -> torch.Tensor:
        """Weighted sum of the objectives' means, each mean over the terms of all ranks."""
        encoded, terms = predictions
        weights = self.model.current_weights
        losses = {name: weights[name] * self._mean(x) for name, x in terms.items()}
        if self._shares is not None:
            scaled = {name: self.scaler.scale(loss) for name, loss in losses.items()}
            self._shares = gradient_shares(scaled, encoded)
        loss = reduce(torch.add, losses.values())
        return loss if self.grad_accumulation_factor == 1 else loss * self._size(terms)

    def _size(self, terms: dict[str, Terms]) -> float:
        """Terms of one of several batches of a step, over those of the first one."""
        count = torch.stack([x.counts.sum().float() for x in terms.values()]).sum()
        self._counts = [*self._counts, sum_over_ranks(count).clamp(min=1.0).item()]
        return self._counts[-1] / self._counts[0]

    @staticmethod
    def _mean(terms: Terms) -> torch.Tensor:
        # Gradients are averaged over ranks, hence the factor: sums and counts add up instead.
        count = sum_over_ranks(terms.counts.sum())
        return terms.sums.sum() * processes() / count.clamp(min=1)

    def figures(self, outputs: Outputs) -> dict[str, float]:
        """Each objective's loss beside that of the best constant and of the copied input.

        Losses are those of the global batch. What the copy and the constant would have, accuracies
        and collapse figures are means over the ranks.
        """
        with self.training_ctx:  # the references meet states of its precision
            figures = self._figures(*outputs)
        means = (
            sum_over_ranks(torch.tensor(list(figures.values()), device=self.device)) / processes()
        )
        figures = dict(zip(figures, means.tolist(), strict=True))
        losses = {name: sum_over_ranks(self._mean(v)) for name, v in outputs[1].items()}
        figures |= {f"{name}_loss": loss.item() / processes() for name, loss in losses.items()}
        figures["loss"] = self._total(figures)
        weights = self.model.current_weights
        ramps = [name for name, weight in self.model.weights.items() if isinstance(weight, Ramp)]
        figures |= {f"{name}_weight": weights[name] for name in ramps}
        return figures | {f"{name}_gradient": x for name, x in (self._shares or {}).items()}

    def _total(self, figures: Mapping[str, float]) -> float:
        weights = self.model.current_weights
        return sum(weight * figures[f"{name}_loss"] for name, weight in weights.items())

    @torch.no_grad()
    def _figures(self, encoded: Encoded, terms: dict[str, Terms]) -> dict[str, float]:
        figures = collapse_figures(encoded)
        for name, term in terms.items():
            references = self.model.objectives[name].references(encoded)
            values = {"loss": term.mean(), **term.figures, **references}
            figures |= {f"{name}_{key}": float(value) for key, value in values.items()}
        return figures

    def validate_now(self) -> dict[str, float]:
        """And tell whoever wants to hear it, outside of the time of the steps."""
        figures = super().validate_now()
        if self.validated:
            self.validated(figures)
            self._start_clock()
        return figures

    def validate(self) -> dict[str, float]:
        """Means over the validation data, each batch weighted by a figure's terms in it."""
        self.model.start_step(self._done)
        totals: dict[str, float] = {}
        weights: dict[str, float] = {}
        for batch in self.valid_loader:
            encoded, terms = self.model(batch.to(self.device))
            for key, value in self._figures(encoded, terms).items():
                owners = [name for name in terms if key.startswith(f"{name}_")]
                # Collapse figures are no objective's; of two names that fit, the longer one.
                owner = max(owners, key=len, default="")
                weight = terms[owner].weight(key[len(owner) + 1 :]) if owner else 1.0
                totals[key] = totals.get(key, 0.0) + weight * value
                weights[key] = weights.get(key, 0.0) + weight
        figures = {key: total / max(weights[key], 1.0) for key, total in totals.items()}
        figures["loss"] = self._total(figures)
        # While the learning rate rises, a random or barely trained network is not a collapse.
        if self.optimizer_step >= self.hparams.monitor_from:
            self.log.warn_once(self.optimizer_step, unhealthy(self._watched(figures)))
        return figures

    def _watched(self, figures: dict[str, float]) -> dict[str, float]:
        """Figures of single frames only where an objective reads these."""
        if self.model.reads_frames:
            return figures
        return {key: x for key, x in figures.items() if not key.startswith("state_")}
