"""Fingerprints of the images of each split, stored in checkpoints and compared when a run is resumed or evaluated."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from datamodules.core.sources import LabelledImages

HELD_OUT = ("val", "test")


class Fingerprint(NamedTuple):
    """A fingerprint of the images of a split: of each image if images have names, else of all together.

    Args:
        name: (N) of the images.
        key: (N,) int64, hashes of the names.
        digest: (N,) int64, hashes of the contents.
        sha256: of all images, if they have no names.
    """

    name: Sequence[str] = ()
    key: Tensor = torch.zeros(0, dtype=torch.int64)
    digest: Tensor = torch.zeros(0, dtype=torch.int64)
    sha256: str = ""

    def state(self) -> dict[str, Any]:
        """As stored in a checkpoint."""
        return {"sha256": self.sha256} if self.sha256 else {"key": self.key, "digest": self.digest}


State = dict[str, dict[str, Any]]  # by split, and "earlier": images used only in an earlier part of the run


def of_images(source: LabelledImages, prefix: str = "") -> Fingerprint:
    """The fingerprint of one set of images; ``prefix`` makes its names differ from those of another set."""
    names = source.names()
    if names is None:
        return Fingerprint(sha256=source.sha256())
    names = [prefix + name for name in names]
    return Fingerprint(names, torch.tensor(list(map(hashed, names))), torch.tensor(source.digests()))


def of_pairs(a: LabelledImages, b: LabelledImages) -> Fingerprint:
    """The fingerprint of pairs, each with the name of its a."""
    one, other = of_images(a), of_images(b)
    if one.sha256 or other.sha256:
        return Fingerprint(sha256=hashed_together(a, b))
    pairs = zip(one.digest.tolist(), other.digest.tolist(), strict=True)
    return one._replace(digest=torch.tensor([hashed(f"{left}/{right}") for left, right in pairs]))


def of_domains(a: LabelledImages, b: LabelledImages) -> Fingerprint:
    """The fingerprint of two unpaired domains."""
    one, other = of_images(a, "A: "), of_images(b, "B: ")
    if one.sha256 or other.sha256:
        return Fingerprint(sha256=hashed_together(a, b))
    keys, digests = torch.cat([one.key, other.key]), torch.cat([one.digest, other.digest])
    return Fingerprint([*one.name, *other.name], keys, digests)


def hashed(text: str) -> int:
    """A 63-bit hash of ``text``."""
    data = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1


def hashed_together(a: LabelledImages, b: LabelledImages) -> str:
    return hashlib.sha256(f"{a.sha256()}/{b.sha256()}".encode()).hexdigest()


def leaks(splits: dict[str, Fingerprint]) -> list[str]:
    """A warning for each held-out split that shares images with the training set, by content."""
    train = splits.get("train")
    if train is None or train.sha256:
        return []
    names = dict(zip(train.digest.tolist(), train.name, strict=True))
    lines = []
    for split in HELD_OUT:
        held = splits.get(split, Fingerprint())
        twice = [(n, names[d]) for n, d in zip(held.name, held.digest.tolist(), strict=True) if d in names]
        if twice:
            mine, trained = twice[0]
            which = mine if mine == trained else f"{mine} (in training {trained})"
            lines.append(
                f"{len(twice)} of the {len(held.name)} {split} images are also training images, so their scores do not "
                f"show generalisation. The first is {which}. Remove one of the two, or the link."
            )
    return lines


def differences(before: State, now: dict[str, Fingerprint]) -> list[str]:
    """Warnings of how the images of ``now`` differ from those of a checkpoint; empty if they do not.

    One line counts the differences, and one for each held-out split names images that were trained on before.
    """
    named = {split: one for split, one in now.items() if not one.sha256 and "key" in before.get(split, {})}
    others = [s for s, one in now.items() if s in before and s not in named and before[s] != one.state()]
    lines = [f"the {' and '.join(others)} images are not those of the checkpoint"] * bool(others)
    if named and (counts := counted(before, named)):
        lines.append(f"the images differ from those of the checkpoint: {counts}")
    return lines + trained_before(before, named)


def counted(before: State, now: dict[str, Fingerprint]) -> str:
    """The numbers of images that were added, removed, moved between splits, or changed in content."""
    splits = {split: dict(rows(state)) for split, state in before.items() if split != "earlier"}
    known = {key: split for split, images in splits.items() for key in images}
    here = {split: dict(rows(one.state())) for split, one in now.items()}
    everywhere = set().union(*here.values())
    moved = [known[key] != split for split, images in here.items() for key in images if key in known]
    counts = {
        "added": len(everywhere - known.keys()),
        "removed": sum(key not in everywhere for split in here for key in splits.get(split, ())),
        "moved to another split": sum(moved),
        "changed in content": sum(
            digest != splits[known[key]][key]
            for images in here.values()
            for key, digest in images.items()
            if key in known
        ),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def rows(state: dict[str, Any]) -> Iterable[tuple[int, int]]:
    """Key and digest of each image that has a name."""
    return zip(state["key"].tolist(), state["digest"].tolist(), strict=True) if "key" in state else ()


def trained_before(before: State, now: dict[str, Fingerprint]) -> list[str]:
    """A warning for each held-out split of ``now`` with images that the checkpoint was trained on, by name or content.

    Images that are still in the training set are reported by :func:`leaks`.
    """
    trained = [row for name in ("train", "earlier") for row in rows(before.get(name, {}))]
    still = dict(rows(now["train"].state())) if "train" in now else {}
    keys = {key for key, _ in trained} - still.keys()
    digests = {digest for _, digest in trained} - set(still.values())
    lines = []
    for split in HELD_OUT:
        one = now.get(split, Fingerprint())
        images = zip(one.name, rows(one.state()), strict=True)
        seen = [name for name, (key, digest) in images if key in keys or digest in digests]
        if seen:
            lines.append(
                f"{len(seen)} of the {len(one.name)} {split} images were trained on, so their scores measure "
                f"memorisation. The first is {seen[0]}. Restore the earlier split, or train a new run."
            )
    return lines


def earlier(before: State, train: Fingerprint) -> dict[str, Tensor]:
    """The images that were trained on according to ``before`` and are no longer in ``train``."""
    known = [before[name] for name in ("train", "earlier") if "key" in before.get(name, {})]
    if not known or train.sha256:
        return {}
    key, digest = (torch.cat([state[what] for state in known]) for what in ("key", "digest"))
    gone = ~torch.isin(key, train.key)
    return {"key": key[gone], "digest": digest[gone]} if gone.any() else {}
