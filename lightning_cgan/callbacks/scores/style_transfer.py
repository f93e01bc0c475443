"""Compares one-pass style transfer with per-image optimisation."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from lightning_cgan import keyed
from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.pictures import SampleGrid, grid, picture_name, save_png, show
from lightning_cgan.callbacks.scores.base import PerImage, ScoreCallback, ScoreReport
from lightning_cgan.errors import UserError
from lightning_cgan.metrics.jackknife import means, standard_error

ROWS = 6  # images shown, at most
PASSES = 5  # timed; the median counts


class StyleTransferBenchmark(ScoreCallback, SampleGrid):  # a SampleGrid: its picture takes the default grid's place
    """Logs the loss of one forward pass on held-out images, and the cost of reaching it by optimising pixels with Adam.

    ``val/loss`` and its terms ``loss_content``, ``loss_style`` and ``loss_tv`` are means over the images. ``test`` adds
    for optimisation from white noise, the start of Gatys et al. and Johnson et al.: ``loss_optimised``, the final loss;
    ``steps_to_reach``, the number of steps to a loss not above that of the pass, or all of them if none reaches it (a
    note counts these images); and ``times_faster``, the time of these steps over that of a pass, for one image in
    float32. The same names with ``_from_content`` are for optimisation that starts from the content, which is faster.
    Standard errors are over photographs, if the data module has a ``scene`` for each image.

    After each evaluation a picture is written to ``samples/``: contents, results of the network, and in ``test`` of
    optimisation from white noise.

    Args:
        steps: of optimisation.
        learning_rate: of Adam from noise; pixels are in [-1, 1]. A bad choice would favour the network: the defaults
            reach its loss on validation images soonest.
        learning_rate_from_content: of Adam from the content.

    Raises:
        UserError: for less than one step.
    """

    def __init__(self, steps: int = 150, learning_rate: float = 0.1, learning_rate_from_content: float = 0.04) -> None:
        super().__init__()
        if steps < 1:
            raise UserError(f"steps of StyleTransferBenchmark is at least 1; got {steps}. Set its init_args.steps.")
        self.steps = steps
        self.rates = {"": learning_rate, "_from_content": learning_rate_from_content}

    def start(self) -> None:
        self.values = PerImage(self.evaluation)
        self.shown: list[list[Tensor]] = []

    def update(self, outputs: EvalOutput) -> None:
        module: Any = self.evaluation.module
        for content, fake in zip(outputs.source, outputs.fake, strict=True):
            content, fake = content[None].float(), fake[None]
            scores, row = module.loss_of(fake, content), [content, fake]
            scores = {"loss": sum(scores.values()), **{f"loss_{name}": value for name, value in scores.items()}}
            if self.evaluation.testing:
                noise = keyed.normal("white noise", keyed.content_keys(to_bytes(content)), *content.shape[1:]) / 2
                starts = {"": noise.clamp(-1, 1).to(content.device), "_from_content": content}
                more, optimised = self.optimise(module, content, scores["loss"], starts)
                scores, row = scores | more, [*row, optimised]
            self.values.add(**{name: torch.tensor([value], dtype=torch.float64) for name, value in scores.items()})
            if len(self.shown) < ROWS:
                self.shown.append([image.cpu() for image in row])

    def optimise(
        self, module: Any, content: Tensor, loss: float, starts: dict[str, Tensor]
    ) -> tuple[dict[str, float], Tensor]:
        """The scores of optimisation for the image ``content`` (1, C, H, W), and its result from white noise."""
        with torch.no_grad():
            pass_time = sorted(seconds(lambda: module(content))[0] for _ in range(PASSES))[PASSES // 2]
        scores: dict[str, float] = {}
        pictures = []
        for name, start in starts.items():
            adam = partial(torch.optim.Adam, lr=self.rates[name])
            whole, (optimised, trace) = seconds(partial(module.optimise, content, adam, self.steps, start))
            reached = next((step for step, value in enumerate(trace) if value <= loss), self.steps + 1)
            steps = min(reached, self.steps)
            scores |= {
                f"loss_optimised{name}": trace[-1],
                f"steps_to_reach{name}": float(steps),
                f"times_faster{name}": steps * whole / self.steps / pass_time,
                f"unreached{name}": float(reached > self.steps),
            }
            pictures.append(optimised)
        return scores, pictures[0]

    def compute(self) -> ScoreReport:
        here = self.evaluation
        values = {name: column.cpu() for name, column in self.values.gather().items()}
        count = len(values["loss"])
        scene = here.data.scene(here.split)
        scene = torch.arange(count) if scene is None else scene
        group = scene[:count].unique(return_inverse=True)[1]
        photographs = int(group.max()) + 1
        each = {name: means(column, group, photographs) for name, column in values.items()}
        scores = {name: column[0].item() for name, column in each.items()}
        errors = {name: standard_error(column) for name, column in each.items()}
        notes = []
        for name in self.rates:
            errors.pop(f"unreached{name}", None)
            if unreached := round(scores.pop(f"unreached{name}", 0.0) * count):
                few = f"{self.steps} steps do not reach the loss of one pass for {unreached} pictures."
                notes.append(f"steps_to_reach{name}: {few}")
        how: dict[str, Any] = {"photographs": photographs}
        if here.testing:
            rates = {f"learning_rate{name}": rate for name, rate in self.rates.items()}
            how["optimisation"] = {"optimizer": "Adam", "steps": self.steps, **rates}
        return ScoreReport(scores, errors, reals=0, fakes=count, card=how, notes=notes)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.draw(trainer)

    def on_test_end(self, trainer: Trainer, module: LightningModule) -> None:
        super().on_test_end(trainer, module)
        self.draw(trainer)

    def draw(self, trainer: Trainer) -> None:
        """Write the picture of the first images."""
        if trainer.sanity_checking or not trainer.is_global_zero or not self.shown:
            return
        picture = grid(torch.cat([image for row in self.shown for image in row]), columns=len(self.shown[0]))
        path = save_png(picture, Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png")
        for logger in trainer.loggers:
            show(logger, "samples", path, picture, trainer.global_step)


def seconds(work: Any) -> tuple[float, Any]:
    """The time that ``work`` takes, and its result: wall time on a GPU, else processor time.

    Processor time does not depend on other programs of the machine.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        began = time.perf_counter()
        done = work()
        torch.cuda.synchronize()
        return time.perf_counter() - began, done
    began = time.process_time()
    done = work()
    return time.process_time() - began, done
