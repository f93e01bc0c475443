"""What a network that stylises in one pass is worth: against optimising the pixels of each picture by itself."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan import keyed
from lightning_cgan.batches import EvalOutput, to_bytes
from lightning_cgan.callbacks.pictures import SampleGrid, grid, picture_name, save_png, show
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.jackknife import means, standard_error
from lightning_cgan.runs.metrics_json import report

ROWS = 6  # pictures shown, at most
PASSES = 5  # of which the median is the time of one


class StyleTransferBenchmark(SampleGrid):
    """Logs the loss of one pass over unseen pictures, and what optimising their pixels by Adam takes to reach it.

    ``val/loss`` and its terms ``loss_content``, ``loss_style`` and ``loss_tv`` are means over the pictures. ``test``
    adds, for optimisation that begins with white noise, as Gatys et al. and Johnson et al. begin: ``loss_optimised``,
    where it ends; ``steps_to_reach``, the number of its steps to a loss not above that of the pass; where even the last
    is above, their number, and a note says for how many pictures; and ``times_faster``, the time of so many steps over
    that of a pass, both for one picture in float32. The same names with ``_from_content`` are those of optimisation
    that begins with the content, which is a shorter way. Standard errors are those of a sample of photographs, where
    the data module says which each picture is from (``scene``).

    After each evaluation ``samples/`` gets a picture: contents, what the network makes of them, and in ``test`` what
    optimisation from white noise does.

    Args:
        steps: of optimisation.
        learning_rate: of Adam that begins with noise; pixels are in [-1, 1]. One that is badly chosen flatters the
            network: these two reach its loss on validation pictures soonest.
        learning_rate_from_content: of Adam that begins with the content.

    Raises:
        UserError: for less than one step.
    """

    def __init__(self, steps: int = 150, learning_rate: float = 0.1, learning_rate_from_content: float = 0.04) -> None:
        super().__init__()
        if steps < 1:
            raise UserError(f"steps of StyleTransferBenchmark is at least 1; met {steps}. Set its init_args.steps.")
        self.steps = steps
        self.rates = {"": learning_rate, "_from_content": learning_rate_from_content}

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.scored: list[dict[str, float]] = []
        self.at: list[tuple[int, int]] = []  # of each picture the number of its batch over all processes, and its place
        self.shown: list[list[Tensor]] = []

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        number = batch_idx * trainer.world_size + trainer.global_rank
        for place, (content, fake) in enumerate(zip(outputs.source, outputs.fake, strict=True)):
            content, fake = content[None].float(), fake[None]
            scores, row = module.loss_of(fake, content), [content, fake]
            scores = {"loss": sum(scores.values()), **{f"loss_{name}": value for name, value in scores.items()}}
            if trainer.state.fn == "test":
                noise = keyed.normal("white noise", keyed.content_keys(to_bytes(content)), *content.shape[1:]) / 2
                starts = {"": noise.clamp(-1, 1).to(content.device), "_from_content": content}
                more, optimised = self.against(module, content, scores["loss"], starts)
                scores, row = scores | more, [*row, optimised]
            self.scored.append(scores)
            self.at.append((number, place))
            if len(self.shown) < ROWS:
                self.shown.append([image.cpu() for image in row])

    def against(
        self, module: LightningModule, content: Tensor, loss: float, starts: dict[str, Tensor]
    ) -> tuple[dict[str, float], Tensor]:
        """What optimisation takes to reach ``loss`` for the picture ``content`` (1, C, H, W), and its first picture."""
        with torch.no_grad():
            pass_time = sorted(seconds(lambda: module(content))[0] for _ in range(PASSES))[PASSES // 2]
        optimise: Any = module.optimise
        scores: dict[str, float] = {}
        pictures = []
        for name, start in starts.items():
            adam = partial(torch.optim.Adam, lr=self.rates[name])
            whole, (optimised, trace) = seconds(partial(optimise, content, adam, self.steps, start))
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

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        scored = self.gather(trainer, module)
        count = len(scored["loss"])
        scene = data_facts(trainer.datamodule).scene(split)
        scene = torch.arange(count) if scene is None else scene
        group = scene[:count].unique(return_inverse=True)[1]
        each = {name: means(values, group, int(group.max()) + 1) for name, values in scored.items()}
        value = {name: values[0].item() for name, values in each.items()}
        error = {name: standard_error(values) for name, values in each.items()}
        notes = []
        for name in self.rates:
            error.pop(f"unreached{name}", None)
            if unreached := round(value.pop(f"unreached{name}", 0.0) * count):
                few = f"{self.steps} steps do not reach the loss of one pass for {unreached} pictures."
                notes.append(f"steps_to_reach{name}: {few}")
        written = card(trainer, module, split, reals=0, fakes=count) | {"photographs": int(group.max()) + 1}
        if split == "test":
            rates = {f"learning_rate{name}": rate for name, rate in self.rates.items()}
            written |= {"optimisation": {"optimizer": "Adam", "steps": self.steps, **rates}}
        report(trainer, module, split, value, error, written, notes=notes)

    def gather(self, trainer: Trainer, module: LightningModule) -> dict[str, Tensor]:
        """The scores by name, (N,) each, of the pictures of all processes in their order."""
        names = trainer.strategy.broadcast(list(self.scored[0]) if self.scored else [])
        rows = [[*at, *scores.values()] for at, scores in zip(self.at, self.scored, strict=True)]
        table = torch.tensor(rows, dtype=torch.float64, device=module.device).view(-1, 2 + len(names))
        if trainer.world_size > 1:
            table = torch.cat(gather_all_tensors(table))
        order = sorted(range(len(table)), key=lambda row: table[row, :2].tolist())
        return dict(zip(names, table[order, 2:].cpu().unbind(1), strict=True))

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero or not self.shown:
            return
        picture = grid(torch.cat([image for row in self.shown for image in row]), columns=len(self.shown[0]))
        path = save_png(picture, Path(trainer.default_root_dir) / "samples" / f"{picture_name(trainer)}.png")
        for logger in trainer.loggers:
            show(logger, "samples", path, picture, trainer.global_step)

    on_test_start, on_test_batch_end, on_test_end = on_validation_start, on_validation_batch_end, on_validation_end


def seconds(work: Any) -> tuple[float, Any]:
    """How long ``work`` takes, and what it gives: on a GPU until it is done, else in processor time.

    Other programs of the machine then do not change the figure.
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
