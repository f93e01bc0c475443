"""Growth schedule of ProGAN: pure functions of real images or generator updates. Karras et al. 2018, Appendix A.1.

Lengths are in thousands of real images (kimg), not updates, because the batch size falls as the resolution rises.
"""

from bisect import bisect_right
from typing import NamedTuple

from lightning_cgan.errors import UserError


class Stage(NamedTuple):
    """Resolution and fade at one generator update."""

    resolution: int  # pixels
    alpha: float  # weight of the newest layers in both networks' outputs; below 1 in a fade

    @property
    def fading(self) -> bool:
        return self.alpha < 1


class Span(NamedTuple):
    """The updates that share a resolution and therefore a batch size."""

    first_update: int
    first_image: int
    batch_size: int


class Growth:
    """At each resolution: fade in the new layers (not at the first), then train them all, then double the resolution.

    Args:
        start: first resolution in pixels.
        size: full resolution; equal to ``start``: no growth.
        stable_kimg: thousands of images between two fades.
        fade_kimg: thousands of images in one fade.
        batch_sizes: images in a batch, from each resolution on.

    Raises:
        UserError: if doubling ``start`` does not lead to ``size``, for negative lengths or an empty fade, and for batch
            sizes that omit the first resolution or are below 1.
    """

    def __init__(
        self, start: int, size: int, stable_kimg: float, fade_kimg: float, batch_sizes: dict[int, int]
    ) -> None:
        self.resolutions = [start * 2**doublings for doublings in range((size // max(start, 1)).bit_length())]
        if start < 4 or self.resolutions[-1:] != [size]:
            raise UserError(
                f"Growth starts at 4 pixels or more and doubles to the full {size}; got {start}. "
                "Set model.init_args.start_resolution."
            )
        self.stable, self.fade = round(1000 * stable_kimg), round(1000 * fade_kimg)
        if self.stable < 0 or self.fade < 1:
            raise UserError(
                "Growth takes thousands of images, at least 0 stable and at least 0.001 in a fade; "
                f"got {stable_kimg} and {fade_kimg}. Set model.init_args.stable_kimg and model.init_args.fade_kimg."
            )
        if min(batch_sizes.values(), default=0) < 1 or min(batch_sizes) > self.resolutions[0]:
            raise UserError(
                f"Batches have at least one image, from resolution {self.resolutions[0]} on; got {batch_sizes}. "
                "Set model.init_args.batch_sizes."
            )
        self.sizes = [batch_at(batch_sizes, resolution) for resolution in self.resolutions]
        self.spans = [Span(0, 0, self.sizes[0])]
        for grown, size in enumerate(self.sizes[1:]):
            previous, last_image = self.spans[-1], grown * (self.stable + self.fade) + self.stable
            updates = max(0, (last_image - previous.first_image) // previous.batch_size + 1)
            first_image = previous.first_image + updates * previous.batch_size
            self.spans.append(Span(previous.first_update + updates, first_image, size))

    def stage_after(self, images: int) -> Stage:
        """The stage of the batch that follows ``images`` real images."""
        grown, within = divmod(images, self.stable + self.fade)
        if grown >= len(self.resolutions) - 1:
            return Stage(self.resolutions[-1], 1.0)
        if within <= self.stable:
            return Stage(self.resolutions[grown], 1.0)
        return Stage(self.resolutions[grown + 1], (within - self.stable) / self.fade)

    def span(self, update: int) -> Span:
        return self.spans[bisect_right(self.spans, update, key=lambda span: span.first_update) - 1]

    def batch_size(self, update: int) -> int:
        """Real images in generator update ``update``, counted from 0, over all processes."""
        return self.span(update).batch_size

    def images(self, update: int) -> int:
        """Real images in all updates before ``update``."""
        span = self.span(update)
        return span.first_image + (update - span.first_update) * span.batch_size

    def stage(self, update: int) -> Stage:
        """The stage of generator update ``update``."""
        return self.stage_after(self.images(update))

    def changes_phase(self, update: int) -> bool:
        """Whether a fade starts or ends with generator update ``update``."""
        if update == 0:
            return False
        before, now = self.stage(update - 1), self.stage(update)
        return (before.resolution, before.fading) != (now.resolution, now.fading)

    def updates(self, kimg: float) -> int:
        """The number of updates that take ``kimg`` thousand images, for ``trainer.max_steps``."""
        images = 1000 * kimg
        span = self.spans[max(0, bisect_right(self.spans, images, key=lambda span: span.first_image) - 1)]
        return span.first_update - round(span.first_image - images) // span.batch_size

    @property
    def updates_to_full(self) -> int:
        """The number of updates after which the last fade is over."""
        return self.updates((len(self.resolutions) - 1) * (self.stable + self.fade) / 1000)

    def check_shares(self, processes: int, group_size: int | None) -> None:
        """Refuse batches not divisible by the processes, and shares of a process not divisible by the groups.

        Args:
            processes: number of processes that share each batch.
            group_size: group size of the minibatch standard deviation; None: all images.

        Raises:
            UserError: naming the first such batch.
        """
        for resolution, size in zip(self.resolutions, self.sizes, strict=True):
            if size % processes:
                raise UserError(
                    f"A batch is shared equally by all processes; {size} images at resolution {resolution} "
                    f"do not divide by {processes} processes. Set model.init_args.batch_sizes."
                )
            share = size // processes
            if group_size and share > group_size and share % group_size:
                raise UserError(
                    "The minibatch standard deviation needs groups that divide a process' batch; "
                    f"{share} images at resolution {resolution} do not divide into groups of {group_size}. "
                    "Set model.init_args.batch_sizes or model.init_args.discriminator.init_args.group_size."
                )


def batch_at(batch_sizes: dict[int, int], resolution: int) -> int:
    """The batch size of the largest listed resolution up to ``resolution``."""
    return batch_sizes[max(known for known in batch_sizes if known <= resolution)]
