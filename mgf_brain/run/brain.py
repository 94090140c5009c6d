"""What every Brain here adds to SpeechBrain's, or does right where SpeechBrain does not."""

from __future__ import annotations

import logging
import time
from typing import Any

import speechbrain as sb
import torch
from speechbrain.core import INTRA_EPOCH_CKPT_FLAG
from speechbrain.utils.logger import get_logger
from torch.nn.parallel import DistributedDataParallel

from mgf_brain.data.batches.sampler import DurationBatchSampler
from mgf_brain.distributed import sum_over_ranks
from mgf_brain.run.checkpoints import Progress, RandomState
from mgf_brain.run.log import TrainingLog

logger = get_logger(__name__)


class BaseBrain(sb.Brain):
    """Clipping over all parameters, a schedule by step, validation by step, exact resuming.

    Subclasses implement ``compute_forward`` and ``compute_objectives`` as in SpeechBrain, and
    ``validate`` and ``figures``. ``hparams`` holds ``scheduler`` (optimizer step -> learning rate),
    ``log_interval`` and ``valid_interval`` (optimizer steps).

    Arguments
    ---------
    modules, opt_class, hparams, run_opts, checkpointer
        As in ``speechbrain.Brain``.
    log : TrainingLog, optional
        Where figures are written; by default nowhere.
    """

    # What SpeechBrain sets by name.
    find_unused_parameters: bool
    grad_accumulation_factor: int
    max_grad_norm: float
    train_sampler: DurationBatchSampler

    def __init__(
        self,
        modules: dict[str, torch.nn.Module],
        opt_class: Any = None,
        hparams: dict | None = None,
        run_opts: dict | None = None,
        checkpointer: Any = None,
        log: TrainingLog | None = None,
    ) -> None:
        super().__init__(modules, opt_class, hparams, run_opts, checkpointer)
        self.log = log or TrainingLog("", enabled=False)
        self.progress = Progress()
        self.epoch = 0
        self._session = time.time()  # labels that are made before the training count too
        self.grad_norm = torch.tensor(float("nan"))
        self._own_audio = 0.0  # of this rank, seconds not yet in ``progress``
        if checkpointer is not None:
            checkpointer.add_recoverables({"progress": self.progress, "random": RandomState()})

    def _wrap_distributed(self) -> None:
        """As SpeechBrain's, but on CPUs, whose BatchNorm torch cannot synchronise over ranks.

        There, each process normalises by its own rows.
        """
        if not self.distributed_launch or torch.device(self.device).type != "cpu":
            super()._wrap_distributed()
            return
        for name, module in self.modules.items():
            if any(p.requires_grad for p in module.parameters()):
                self.modules[name] = DistributedDataParallel(
                    module, find_unused_parameters=self.find_unused_parameters
                )

    # -- one step ---------------------------------------------------------------------------

    def on_fit_batch_start(self, batch: Any, should_step: bool) -> None:
        """Set the learning rate of this step and remember the batch for error reports.

        A parameter group with a ``scale`` gets that share of the rate.
        """
        self.batch_ids = batch.ids
        rate = self.hparams.scheduler(self.optimizer_step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)

    def check_loss_isfinite(self, loss: torch.Tensor) -> None:
        """Name the batch whose loss is not finite; give up as SpeechBrain does."""
        if not torch.isfinite(loss):
            logger.warning("The loss is %s for the batch of: %s", loss.item(), self.batch_ids)
        super().check_loss_isfinite(loss)

    def optimizers_step(self) -> None:
        """Clip the gradients of every parameter group together, then step.

        ``max_grad_norm: 0`` switches clipping off. A gradient that is not finite is not applied.
        """
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        limit = self.max_grad_norm if self.max_grad_norm > 0 else float("inf")
        self.grad_norm = torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=True)
        if torch.isfinite(self.grad_norm):
            self.scaler.step(self.optimizer)
        else:
            norm = self.grad_norm.item()
            logger.warning("Step skipped: gradient norm %s for: %s", norm, self.batch_ids)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer_step += 1

    def on_fit_batch_end(
        self, batch: Any, outputs: Any, loss: torch.Tensor, should_step: bool
    ) -> None:
        """Count the audio; log and validate when it is time."""
        self._own_audio += batch.seconds
        self._count_time()
        if not should_step:
            return
        if self.optimizer_step % self.hparams.log_interval == 0:
            self.log.step(self.optimizer_step, self._step_figures(outputs, loss))
        if self.optimizer_step % self.hparams.valid_interval == 0:
            self.validate_now()

    def _step_figures(self, outputs: Any, loss: torch.Tensor) -> dict[str, float]:
        self.count_audio()
        rate = self.progress.audio_seconds / max(self.progress.training_seconds, 1e-9)
        return {
            "epoch": self.epoch,
            "loss": loss.item(),
            **self.figures(outputs),
            "grad_norm": self.grad_norm.item(),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "audio_s_per_s": rate,
        }

    def count_audio(self) -> None:
        """Bring ``progress.audio_seconds`` up to now; called on all ranks, whose audio it sums."""
        own = torch.tensor(self._own_audio, device=self.device)
        self.progress.audio_seconds += sum_over_ranks(own).item()
        self._own_audio = 0.0

    def figures(self, outputs: Any) -> dict[str, float]:
        """Figures to log for a training step."""
        return {}

    # -- validation -------------------------------------------------------------------------

    def validate(self) -> dict[str, float]:
        """Figures of the validation data, with the key "loss"."""
        raise NotImplementedError

    @torch.no_grad()
    def validate_now(self) -> dict[str, float]:
        """Validate between two steps: training goes on as if nothing had happened."""
        training = self.modules.training
        self.modules.eval()
        figures = self.validate()
        self.modules.train(training)
        self.log.validation(self.optimizer_step, figures)
        self._start_clock()
        return figures

    # -- epochs and checkpoints -------------------------------------------------------------

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Remember the epoch and start the clock."""
        if stage == sb.Stage.TRAIN:
            self.epoch = epoch or 0
            self._start_clock()

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Save a checkpoint at the end of an epoch, or where the step limit cut it."""
        if stage != sb.Stage.TRAIN:
            return
        self.count_audio()
        if self.checkpointer is None:
            return
        if self._optimizer_step_limit_exceeded:
            self._save_intra_epoch_ckpt()
            return
        self.step, self.avg_train_loss = 0, 0.0  # the checkpoint starts the next epoch
        self.count_wall_time()
        self.checkpointer.save_and_keep_only(meta={"step": self.optimizer_step}, num_to_keep=1)

    def _should_save_intra_epoch_ckpt(self, last_ckpt_time: float, steps_since_ckpt: int) -> bool:
        # Gradients are not saved: between two optimizer steps those accumulated would be lost.
        return self.step % self.grad_accumulation_factor == 0 and (
            super()._should_save_intra_epoch_ckpt(last_ckpt_time, steps_since_ckpt)
        )

    def _save_intra_epoch_ckpt(self) -> None:
        self.progress.sampler = self.train_sampler.state_dict(self.step)
        self.count_audio()
        self.count_wall_time()
        # As SpeechBrain's, but by the step: clocks can be set back.
        assert self.checkpointer is not None  # or else it is never time to save
        self.checkpointer.save_and_keep_only(
            end_of_epoch=False,
            ckpt_predicate=lambda checkpoint: INTRA_EPOCH_CKPT_FLAG in checkpoint.meta,
            meta={INTRA_EPOCH_CKPT_FLAG: True, "step": self.optimizer_step},
            verbosity=logging.DEBUG,
        )

    def on_fit_start(self) -> None:
        """Recover the latest checkpoint, if any, and continue the sampler where it was."""
        super().on_fit_start()
        if self.optimizer_step:
            self.log.resumed(self.optimizer_step)
            if self.step:  # inside an epoch
                self.train_sampler.load_state_dict(self.progress.sampler)

    def count_wall_time(self) -> None:
        """Bring ``progress.wall_seconds`` up to now; it goes on in a resumed run."""
        now = time.time()
        self.progress.wall_seconds += now - self._session
        self._session = now

    def _start_clock(self) -> None:
        self._clock = time.perf_counter()

    def _count_time(self) -> None:
        now = time.perf_counter()
        self.progress.training_seconds += now - self._clock
        self._clock = now
