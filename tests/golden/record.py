"""Three generator updates of a case by a stock Trainer in float64: losses, gradient norms, movement of the weights."""

import json
from math import isclose
from pathlib import Path

import torch
from lightning.pytorch import Callback, Trainer
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from tests.golden.cases import PAPERS
from tests.golden.weights import normal

FOLDER = Path(__file__).parent
TOLERANCE = 1e-9  # relative; rounding in float64 makes 1e-12 of it


class KeepDoubles(TorchFunctionMode):
    """``Tensor.float`` leaves float64 as it is. Papers take losses in float32 at least, which would round them."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float and args[0].dtype is torch.float64:
            return args[0]
        return function(*args, **(kwargs or {}))


class Recorder(Callback):
    """Notes what each generator update logs, the norm of the gradient at each optimizer step, and the movement."""

    def __init__(self):
        self.updates, self.gradients, self.start = [], [], {}

    def on_train_start(self, trainer, model):
        self.start = {name: tensor.clone() for name, tensor in tensors(model)}
        for optimizer in trainer.optimizers:  # or rounding decides the step of a weight whose gradient is 0, as of
            for group in optimizer.param_groups:  # a bias before a norm
                group |= {"eps": 1e-4} if "eps" in group else {}

    def on_before_optimizer_step(self, trainer, model, optimizer):
        gradients = [weight.grad for group in optimizer.param_groups for weight in group["params"]]
        self.gradients.append(norm(gradient for gradient in gradients if gradient is not None))

    def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
        losses = {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}
        moved = movement(dict(tensors(model)), self.start)
        self.updates.append({"losses": losses, "gradients": self.gradients, "movement": moved})
        self.gradients = []


def tensors(model):
    """The floating-point parameters and buffers of ``model`` by their names."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return [(name, tensor.detach()) for name, tensor in named if tensor.is_floating_point()]


def norm(parts):
    return torch.stack([part.double().norm() for part in parts]).norm().item()


def movement(now, start):
    """How far all tensors went from ``start``: the norm, and a projection that depends on no name and no order.

    Each tensor's way is projected on a random vector of its shape, and weighs by where the tensor started, so that two
    tensors of one shape cannot swap theirs unseen.
    """
    ways = [(normal("projection", begun.shape), begun, now[name] - begun) for name, begun in start.items()]
    projected = [(axis * begun).sum().cos() * (axis * way).sum() for axis, begun, way in ways]
    return {"norm": norm(way for _, _, way in ways), "projection": torch.stack(projected).sum().item()}


def record(case):
    """What :class:`Recorder` notes of ``case``; and, where it has ``images``, a projection of those afterwards."""
    recorder = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        precision="64-true",
        max_steps=len(case.batches),
        log_every_n_steps=1,
        callbacks=[recorder],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with KeepDoubles():
        with trainer.init_module():
            model = case.model()
        trainer.fit(model, DataLoader(case.batches, batch_size=None))
        if case.images is None:
            return {"updates": recorder.updates}
        image = case.images(model.eval()).detach()
    return {"updates": recorder.updates, "images": movement({"": image}, {"": torch.zeros_like(image)})}


def recorded(paper):
    """The numbers of each case of ``paper``."""
    return {name: case() if callable(case) else record(case) for name, case in PAPERS[paper]().items()}


def golden(paper):
    """The same as its golden file has them; nothing where there is no such file."""
    path = FOLDER / f"{paper}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def differences(now, before, place=""):
    """Sentences on what differs between two nested records, beyond rounding."""
    if isinstance(before, dict) and isinstance(now, dict):
        lines = []
        for name in sorted(before.keys() | now.keys()):
            where = f"{place} {name}".strip()
            if name not in now:
                same = [new for new in now.keys() - before.keys() if not differences(now[new], before[name])]
                lines += [f"{where}: gone" + (f"; {same[0]} has the same numbers" if same else "")]
            elif name not in before:
                lines += [f"{where}: new"]
            else:
                lines += differences(now[name], before[name], where)
        return lines
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(now, before, strict=True))
        return [line for place_, pair in pairs for line in differences(*pair, f"{place} {place_}".strip())]
    if isinstance(before, float) and isinstance(now, float):
        if isclose(now, before, rel_tol=TOLERANCE, abs_tol=1e-14):
            return []
        share = abs(now - before) / max(abs(now), abs(before))
        return [f"{place}: {before!r} is now {now!r}, a relative difference of {share:.1e}"]
    return [] if now == before else [f"{place}: {before!r} is now {now!r}"]
