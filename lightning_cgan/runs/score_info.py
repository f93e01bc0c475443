"""The table of scores: title, direction, meaning and default columns; and the names that earlier versions wrote."""

import re
from typing import Any, NamedTuple


class ScoreInfo(NamedTuple):
    """What a score is called, which direction is better and what it measures."""

    title: str
    better: str  # "lower", "higher", or "" of a score that is only good or bad beside another, such as a ceiling
    meaning: str
    column: bool = False  # whether `compare` shows it by default


MEMORY = ("memorised", "train_distance", "train_distance_real")  # shown beside the picture of nearest neighbours
PREFIXES = {  # of scores that are not of the generated images, or of the reverse direction: title and meaning
    "bicubic_": ("of bicubic interpolation", "The baseline: what interpolation alone reaches."),
    "real_": ("of real images", "The ceiling: the same score of real images."),
    "back_": ("of the reverse direction", ""),
}
SCORES = {
    "fid": ScoreInfo("FID", "lower", "Fréchet distance between the features of generated and real images. Bad images "
        "and missing variety both raise it. Its size depends on the extractor and on the numbers of images.", True),
    "kid": ScoreInfo("KID", "lower", "Squared maximum mean discrepancy between the features of generated and real "
        "images, with a cubic kernel. Like FID, but unbiased at any number of images; values slightly below 0 are "
        "noise.", True),
    "is_mean": ScoreInfo("Inception Score", "higher", "Whether each generated image looks like one class and all of "
        "them like many: from 1 to the number of classes. It does not use real images.", True),
    "is_std": ScoreInfo("Inception Score, deviation", "", "Standard deviation over the splits that published values "
        "are means of; not a standard error."),
    "precision": ScoreInfo("Precision", "higher", "Share of generated images inside the manifold of the real ones: "
        "realism.", True),
    "recall": ScoreInfo("Recall", "higher", "Share of real images inside the manifold of the generated ones: variety.",
        True),
    "density": ScoreInfo("Density", "higher", "Number of real neighbourhoods that contain a generated image, over the "
        "expected number: realism, robust to outliers; about 1 for real images."),
    "coverage": ScoreInfo("Coverage", "higher", "Share of real images with a generated one in their neighbourhood: "
        "variety, robust to outliers."),
    "intra_fid": ScoreInfo("Intra-class FID", "lower", "Mean of the FIDs inside each class. Wrong labels and classes "
        "without variety raise it; with few real images in a class it is far above the FID of all images."),
    "intra_fid_worst": ScoreInfo("Intra-class FID, worst class", "lower", "The largest FID inside a class."),
    "accuracy": ScoreInfo("Label accuracy", "higher", "Share of generated images that a classifier of the data set "
        "assigns to the requested class.", True),
    "min_class_share": ScoreInfo("Smallest class share", "higher", "Share of generated images in their rarest class; "
        "at best 1 over the number of classes, 0 where a class is missing."),
    "classification_accuracy": ScoreInfo("Classification accuracy", "higher", "Share of real images that the model "
        "itself classifies correctly.", True),
    "gan_train": ScoreInfo("GAN-train accuracy (CAS)", "higher", "Accuracy on real images of a classifier trained on "
        "generated ones only (classification accuracy score): whether they could replace the data.", True),
    "gan_test": ScoreInfo("GAN-test accuracy", "higher", "Accuracy on generated images of a classifier trained on real "
        "ones: whether they show the requested class."),
    "memorised": ScoreInfo("Memorised", "", "Probability that a generated image is nearer to its nearest training "
        "image than an unseen real image is to its own. 0.5: as near as unseen real ones; near 1: copies; images that "
        "resemble nothing real are below 0.5."),
    "train_distance": ScoreInfo("Distance to the training set", "", "Median over generated images of the distance to "
        "the nearest training image, in feature space."),
    "train_distance_real": ScoreInfo("Distance to the training set, real", "", "The same for unseen real images. If "
        "generated ones are clearly nearer, they are copies."),
    "psnr": ScoreInfo("PSNR", "higher", "Peak signal-to-noise ratio between each generated image and its true one, in "
        "dB.", True),
    "ssim": ScoreInfo("SSIM", "higher", "Structural similarity of each generated image and its true one, at most 1.",
        True),
    "ms_ssim": ScoreInfo("MS-SSIM", "higher", "Structural similarity over several scales, at most 1."),
    "feature_distance": ScoreInfo("Feature distance", "lower", "Distance between the features of each generated image "
        "and of its true one."),
    "psnr_y": ScoreInfo("PSNR on Y", "higher", "Peak signal-to-noise ratio of the luma of each generated image and its "
        "true one, without a border, in dB."),
    "ssim_y": ScoreInfo("SSIM on Y", "higher", "Structural similarity of the luma of each generated image and its true "
        "one, without a border, at most 1."),
    "gradient_energy": ScoreInfo("Gradient energy", "", "Energy of the luma's gradient over that of the true image: 1 "
        "is as sharp, less is blurred."),
    "segmentation": ScoreInfo("Segmentation score", "higher", "Agreement between the label maps that images were "
        "generated from and what a segmenter trained on real images predicts for them."),
    "seg_gan_train": ScoreInfo("Segmentation GAN-train", "higher", "Score on real images of a segmenter trained on "
        "generated ones: whether they could replace the data."),
    "labels": ScoreInfo("Label maps", "higher", "Agreement of generated label maps, read by the nearest colour of the "
        "palette, with the true ones."),
    "lab_intersection": ScoreInfo("Colour histogram", "higher", "Overlap of the histograms of generated and of real "
        "images in one coordinate of Lab, at most 1."),
    "lab_spread": ScoreInfo("Colour spread", "", "Standard deviation of a coordinate of Lab over all pixels; the "
        "target is that of real images."),
    "cycle_error": ScoreInfo("Cycle error", "lower", "Mean absolute difference, in [-1, 1], of an image and its "
        "reconstruction by way of the other domain."),
    "distinct_modes": ScoreInfo("Distinct modes", "higher", "Number of different target modes that the source modes "
        "are mapped to; each source mode counts where most of its points go."),
    "views": ScoreInfo("Views", "higher", "Number of different views that the eleven source views are mapped to."),
    "view_bits": ScoreInfo("Mutual information", "higher", "Between the views before and after translation, in bits; "
        "at most that of eleven views, 3.46."),
    "azimuth_rmse": ScoreInfo("Azimuth error", "", "In degrees, up to a mirror image and an offset. A scrambled "
        "relation of the views has the same error as a collapse."),
    "modes": ScoreInfo("Modes", "higher", "Number of the mixture's Gaussians that hold at least a quarter of their "
        "share of the points.", True),
    "frac_near_mode": ScoreInfo("Near a mode", "higher", "Share of points within three standard deviations of a mode.",
        True),
    "spread": ScoreInfo("Spread", "", "Standard deviation of the points within their mode over the true one: 1 is "
        "right, 0 a collapse onto one point."),
    "min_mode_std": ScoreInfo("Spread of the tightest mode", "", "1 is right; the gate asks for at least 0.5."),
    "max_mode_std": ScoreInfo("Spread of the widest mode", "", "1 is right; the gate asks for at most 1.5."),
    "label_fidelity": ScoreInfo("Label fidelity", "higher", "Share of points near the requested mode.", True),
    "gate_passed": ScoreInfo("Gate", "higher", "1 if all modes are there, enough points are near them and spreads are "
        "right, else 0."),
}  # fmt: skip
COLUMNS = [name for name, info in SCORES.items() if info.column]  # of `compare`, in this order
EARLIER = {  # names that earlier versions wrote to metrics.json and metrics.csv
    "near": "frac_near_mode", "tightest": "min_mode_std", "widest": "max_mode_std", "passed": "gate_passed",
    "rarest_class": "min_class_share", "cas": "gan_train", "cas_real": "real_gan_train", "cas_reverse": "gan_test",
    **{f"taught_{name}": f"seg_gan_train_{name}" for name in ("accuracy", "class_accuracy", "iou")},
}  # fmt: skip
HEALTH = {
    "variance": "Variance of generated over real images",
    "variance_class": "Variance inside classes over that of real images",
    "grad_norm": "Gradient norms",
    "grad_norm_ratio": "Gradient norm of G over that of D",
}


def signal_of(name: str) -> str:
    """The key of :data:`HEALTH` for a logged signal of a network or a class."""
    return re.sub(r"_([gd]|\d+)$", "", name.removeprefix("health/"))


def split(name: str) -> tuple[str, str]:
    """The prefix of :data:`PREFIXES` that the name of a score begins with, and the rest."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return prefix, name.removeprefix(prefix)


def score_info(name: str) -> ScoreInfo:
    """The entry of a score: its own, else that of the longest name in the table that it extends, else its bare name."""
    prefix, bare = split(name)
    if prefix and name not in SCORES:
        title, better, meaning, _ = score_info(bare)
        whose, why = PREFIXES[prefix]
        return ScoreInfo(f"{title} {whose}", "" if why else better, why or meaning)  # a bound is no merit of a run
    if name in SCORES:
        return SCORES[name]
    parts = name.split("_")
    for length in range(len(parts) - 1, 0, -1):
        if (known := "_".join(parts[:length])) in SCORES:
            title, better, meaning, _ = SCORES[known]
            return ScoreInfo(f"{title} ({' '.join(parts[length:])})", better, meaning)
    return ScoreInfo(" ".join(parts), "", "")


def rank(name: str) -> int:
    """The position of a score in a table: the order of ``SCORES``; unknown ones below, baselines last."""
    names = [*SCORES]
    prefix, bare = split(name)
    known = max((entry for entry in names if bare == entry or bare.startswith(f"{entry}_")), key=len, default="")
    return (names.index(known) if known else len(names)) + len(names) * (prefix == "bicubic_")


def current_name(name: str) -> str:
    """Today's name of a score that an earlier version may have written, also "val/..." and "back_..."."""
    score = name.rpartition("/")[2]
    prefix, bare = split(score)
    return name.removesuffix(score) + EARLIER.get(score, prefix + EARLIER.get(bare, bare))


def with_current_names(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of ``metrics.json`` with today's names of its scores."""
    parts = {part: entry[part] for part in ("scores", "standard_errors", "chance") if isinstance(entry.get(part), dict)}
    return entry | {part: {current_name(name): value for name, value in held.items()} for part, held in parts.items()}
