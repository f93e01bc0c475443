"""Which images a run was trained on, measured with and tested on: kept in its checkpoints, compared when it goes on."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from datamodules.core.sources import LabelledImages

HELD_OUT = ("val", "test")


class Fingerprint(NamedTuple):
    """Of the images of a split: of each that has a name, else of all together.

    Args:
        name: (N) what each is called.
        key: (N,) int64, hashes of the names.
        digest: (N,) int64, hashes of the contents.
        sha256: of all, where they have no names.
    """

    name: Sequence[str] = ()
    key: Tensor = torch.zeros(0, dtype=torch.int64)
    digest: Tensor = torch.zeros(0, dtype=torch.int64)
    sha256: str = ""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"sha256": self.sha256} if self.sha256 else {"key": self.key, "digest": self.digest}


State = dict[str, dict[str, Any]]  # of splits, and "earlier": images that only the first part of a run was trained on


def of_images(source: LabelledImages, prefix: str = "") -> Fingerprint:
    """The fingerprint of one set of images; ``prefix`` keeps its names apart from those of another."""
    names = source.names()
    if names is None:
        return Fingerprint(sha256=source.sha256())
    names = [prefix + name for name in names]
    return Fingerprint(names, torch.tensor(list(map(hashed, names))), torch.tensor(source.digests()))


def of_pairs(a: LabelledImages, b: LabelledImages) -> Fingerprint:
    """The fingerprint of pairs, each called by the name of its a."""
    one, other = of_images(a), of_images(b)
    if one.sha256 or other.sha256:
        return Fingerprint(sha256=hashed_together(a, b))
    pairs = zip(one.digest.tolist(), other.digest.tolist(), strict=True)
    return one._replace(digest=torch.tensor([hashed(f"{left}/{right}") for left, right in pairs]))


def of_domains(a: LabelledImages, b: LabelledImages) -> Fingerprint:
    """The fingerprint of two domains of which no image belongs to one of the other."""
    one, other = of_images(a, "A: "), of_images(b, "B: ")
    if one.sha256 or other.sha256:
        return Fingerprint(sha256=hashed_together(a, b))
    keys, digests = torch.cat([one.key, other.key]), torch.cat([one.digest, other.digest])
    return Fingerprint([*one.name, *other.name], keys, digests)


def hashed(text: str) -> int:
    """63 bits of a hash."""
    said = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big") >> 1


def hashed_together(a: LabelledImages, b: LabelledImages) -> str:
    return hashlib.sha256(f"{a.sha256()}/{b.sha256()}".encode()).hexdigest()


def leaks(splits: dict[str, Fingerprint]) -> list[str]:
    """A line for each held-out split that holds images which are trained on too, by their contents."""
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
                f"{len(twice)} of the {len(held.name)} {split} images are trained on too, so scores tell less of new "
                f"ones. The first is {which}. Remove one of the two, or the link."
            )
    return lines


def differences(before: State, now: dict[str, Fingerprint]) -> list[str]:
    """How the images of ``now`` differ from those a checkpoint knows: a line, and one for each split that was trained
    on before; none where they are the same."""
    named = {split: one for split, one in now.items() if not one.sha256 and "key" in before.get(split, {})}
    others = [s for s, one in now.items() if s in before and s not in named and before[s] != one.state()]
    lines = [f"the {' and '.join(others)} images are others than those of the checkpoint"] * bool(others)
    if named and (told := counted(before, named)):
        lines.append(f"the images differ from those of the checkpoint: {told}")
    return lines + trained_before(before, named)


def counted(before: State, now: dict[str, Fingerprint]) -> str:
    """How many images of the splits of ``now`` came, went, changed sides, or are others under the same name."""
    splits = {split: dict(rows(state)) for split, state in before.items() if split != "earlier"}
    known = {key: split for split, images in splits.items() for key in images}
    here = {split: dict(rows(one.state())) for split, one in now.items()}
    everywhere = set().union(*here.values())
    moved = [known[key] != split for split, images in here.items() for key in images if key in known]
    counts = {
        "came": len(everywhere - known.keys()),
        "went": sum(key not in everywhere for split in here for key in splits.get(split, ())),
        "changed sides": sum(moved),
        "have other content": sum(
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
    """A line for each held-out split of ``now`` with images that the checkpoint was trained on, by name or content.

    Those that are still trained on are left to :func:`leaks`.
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
                f"{len(seen)} of the {len(one.name)} {split} images were trained on: scores on them measure memory. "
                f"The first is {seen[0]}. Put the images back as they were, or train anew."
            )
    return lines


def earlier(before: State, train: Fingerprint) -> dict[str, Tensor]:
    """The images that were trained on according to ``before`` and are not in ``train``."""
    known = [before[name] for name in ("train", "earlier") if "key" in before.get(name, {})]
    if not known or train.sha256:
        return {}
    key, digest = (torch.cat([state[what] for state in known]) for what in ("key", "digest"))
    gone = ~torch.isin(key, train.key)
    return {"key": key[gone], "digest": digest[gone]} if gone.any() else {}
