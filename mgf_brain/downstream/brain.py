"""Fine-tuning with labels: an encoder and a head, together or the head alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import speechbrain as sb
from torch import nn

from mgf_brain.data.batches.features import FeatureBatch
from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.downstream.layers import body_of, head_parameters, parameter_groups
from mgf_brain.downstream.low_rank import keep_statistics, set_learning
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.frontends import Perturb
from mgf_brain.run.brain import BaseBrain


class FinetuningBrain(BaseBrain):
    """Trains ``modules["head"]`` and, if ``hparams["tune_encoder"]``, ``modules["encoder"]`` too.

    ``targets`` is set before ``fit``: what each utterance's id is to be mapped to. ``hparams`` also
    holds ``layer_decay``, ``encoder_scheduler`` (as ``scheduler``, for all but the first parameter
    group), and ``spec_augment`` or None.
    """

    targets: Mapping[str, Any] = {}

    @property
    def encoder(self) -> SpeechEncoder:
        """What is tuned; frozen, it may be any ``Encoder``."""
        return cast(SpeechEncoder, self.modules.encoder)  # a ModuleDict knows only modules

    @property
    def head(self) -> nn.Module:
        """What is trained upon it."""
        return cast(nn.Module, self.modules.head)

    def init_optimizers(self) -> None:
        """One optimizer, with a rate by depth where the encoder learns too."""
        set_learning(self.encoder, self.hparams.tune_encoder)
        if self.hparams.tune_encoder:
            groups = parameter_groups(self.encoder, self.head, self.hparams.layer_decay)
        else:
            groups = [{"params": head_parameters(self.encoder, self.head)}]
        assert self.opt_class is not None  # ``tune`` and ``train_head`` pass one
        self.optimizer = self.opt_class(groups)
        self.optimizers_dict = {"opt_class": self.optimizer}

    def on_fit_batch_start(self, batch: Any, should_step: bool) -> None:
        """Set the rates; a frozen encoder stays without dropout, though SpeechBrain switches it."""
        super().on_fit_batch_start(batch, should_step)
        if not self.hparams.tune_encoder:
            body_of(self.encoder).eval()
            return
        keep_statistics(self.encoder)
        rate = self.hparams.encoder_scheduler(self.optimizer_step)
        for group in self.optimizer.param_groups[1:]:  # the first is the head's
            group["lr"] = rate * group["scale"]

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Note the epoch's loss."""
        super().on_stage_end(stage, stage_loss, epoch)
        if stage == sb.Stage.TRAIN and epoch is not None:
            self.log.epoch(epoch, stage_loss)

    def perturb(self, batch: SpeechBatch, stage: sb.Stage) -> Perturb | None:
        """SpecAugment's masks of a training batch, for the encoder's front-end."""
        masks = self.hparams.spec_augment
        if stage != sb.Stage.TRAIN or not masks:
            return None
        return lambda log_mel, valid: masks(log_mel, valid, batch.keys)

    def targets_of(self, batch: SpeechBatch | FeatureBatch) -> list[Any]:
        """The target of each row."""
        return [self.targets[name] for name in batch.ids]
