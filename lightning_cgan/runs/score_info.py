"""What each score means, in a sentence, and which way is better."""

import re
from typing import NamedTuple


class Meaning(NamedTuple):
    """Of a score."""

    title: str
    better: str  # "lower", "higher", or "" where neither is: also of ceilings and baselines
    says: str


MEMORY = ("memorised", "train_distance", "train_distance_real")  # scores that belong to the nearest neighbours
BEFORE = {  # what stands before the name of a score that is not the generated images', or of the way back
    "bicubic_": ("of bicubic interpolation", "The baseline: what interpolation alone reaches."),
    "real_": ("of real pictures", "The ceiling: the same score of real pictures."),
    "back_": ("of the way back", ""),
}
MEANINGS = {
    "fid": Meaning("FID", "lower", "Fréchet distance between the features of generated and real images. It grows with "
        "bad images and with missing variety alike. Its size depends on the extractor and on the numbers of images."),
    "kid": Meaning("KID", "lower", "Squared maximum mean discrepancy between the features of generated and real "
        "images, with a cubic kernel. Like FID, and unbiased at any number of images; slightly below 0 is noise."),
    "is_mean": Meaning("Inception Score", "higher", "Whether each generated image looks like one class and all of them "
        "like many: from 1 to the number of classes. No real image is looked at."),
    "is_std": Meaning("Inception Score, deviation", "", "Standard deviation over the splits that published values are "
        "means of; not a standard error."),
    "precision": Meaning("Precision", "higher", "Share of generated images that lie among the real ones: realism."),
    "recall": Meaning("Recall", "higher", "Share of real images that lie among the generated ones: variety."),
    "density": Meaning("Density", "higher", "Around how many real images a generated one lies, over how many would "
        "be expected. Realism that outliers cannot feign; about 1 for real images."),
    "coverage": Meaning("Coverage", "higher", "Share of real images with a generated one close by: variety that "
        "outliers cannot feign."),
    "intra_fid": Meaning("Intra-class FID", "lower", "Mean of the FIDs inside each class. It sees wrong labels and "
        "classes without variety, and is far above the FID of all where a class has few real images."),
    "intra_fid_worst": Meaning("Intra-class FID, worst class", "lower", "The largest FID inside a class."),
    "accuracy": Meaning("Label accuracy", "higher", "Share of generated images that a classifier of the data set puts "
        "in the class that was asked for."),
    "rarest_class": Meaning("Rarest class", "higher", "Share of generated images in the class that fewest fall into; "
        "at best 1 over the number of classes, 0 where a class is missing."),
    "classification_accuracy": Meaning("Classification accuracy", "higher", "Share of real images that the model "
        "itself classifies rightly."),
    "cas": Meaning("Classification accuracy score", "higher", "Accuracy on real images of a classifier trained on "
        "generated ones alone: whether they could stand in for the data."),
    "cas_real": Meaning("Classification accuracy score of real images", "", "The ceiling of the one above: "
        "accuracy on real images of the same classifier trained on real images."),
    "cas_reverse": Meaning("Classification accuracy score, reversed", "higher", "Accuracy on generated images of a "
        "classifier trained on real ones: whether they show the class that was asked for."),
    "memorised": Meaning("Memorised", "", "Probability that a generated image lies nearer to its nearest training "
        "image than an unseen real image lies to its own. 0.5: as near as unseen real ones; near 1: copies; images "
        "that resemble nothing real have less."),
    "train_distance": Meaning("Distance to the training set", "", "Median over generated images of the distance to the "
        "nearest training image, in feature space."),
    "train_distance_real": Meaning("Distance to the training set, real", "", "The same for unseen real images. If "
        "generated ones lie clearly nearer, they are copies."),
    "psnr": Meaning("PSNR", "higher", "Peak signal-to-noise ratio between each generated image and its true one, in "
        "dB."),
    "ssim": Meaning("SSIM", "higher", "Structural similarity of each generated image and its true one, at most 1."),
    "ms_ssim": Meaning("MS-SSIM", "higher", "Structural similarity over several scales, at most 1."),
    "feature_distance": Meaning("Feature distance", "lower", "Between the features of each generated image and of its "
        "true one."),
    "psnr_y": Meaning("PSNR on Y", "higher", "Peak signal-to-noise ratio of the luma of each generated image and its "
        "true one, without a border, in dB."),
    "ssim_y": Meaning("SSIM on Y", "higher", "Structural similarity of the luma of each generated image and its true "
        "one, without a border, at most 1."),
    "gradient_energy": Meaning("Gradient energy", "", "Energy of the luma's gradient over that of the true image: 1 is "
        "as sharp, less is blurred."),
    "segmentation": Meaning("Segmentation score", "higher", "What a segmenter trained on real pictures reads in "
        "generated ones, against the label maps that they were made from."),
    "taught": Meaning("Segmentation, taught", "higher", "What a segmenter trained on generated pictures reads in real "
        "ones: whether they could stand in for the data."),
    "labels": Meaning("Label maps", "higher", "Generated label maps, read by the nearest colour of the palette, "
        "against the true ones."),
    "lab_intersection": Meaning("Colour histogram", "higher", "What the histograms of generated and of real pictures "
        "share of a coordinate of Lab, at most 1."),
    "lab_spread": Meaning("Colour spread", "", "Standard deviation of a coordinate of Lab over all pixels; right is "
        "that of real pictures."),
    "cycle_error": Meaning("Cycle error", "lower", "Mean absolute difference, in [-1, 1], of an image and what comes "
        "back of it by way of the other domain."),
    "distinct_modes": Meaning("Distinct modes", "higher", "How many modes of the target the modes of the source "
        "become; each is counted by where most of its points go."),
    "views": Meaning("Views", "higher", "How many different views the eleven views of the sources become."),
    "view_bits": Meaning("Mutual information", "higher", "Of the views of a source and of what it becomes, in "
        "bits; at most that of eleven views, 3.46."),
    "azimuth_rmse": Meaning("Azimuth error", "", "In degrees, up to a mirror image and an offset. A scrambled "
        "relation of the views has as much as a collapse."),
    "modes": Meaning("Modes", "higher", "How many of the mixture's Gaussians hold at least a quarter of their share of "
        "the points."),
    "near": Meaning("Near a mode", "higher", "Share of points within three standard deviations of a mode."),
    "spread": Meaning("Spread", "", "Standard deviation of the points within their mode over the true one: 1 is right, "
        "0 a collapse onto one point."),
    "tightest": Meaning("Spread of the tightest mode", "", "1 is right; the gate asks for at least 0.5."),
    "widest": Meaning("Spread of the widest mode", "", "1 is right; the gate asks for at most 1.5."),
    "label_fidelity": Meaning("Label fidelity", "higher", "Share of points near the mode that was asked for."),
    "passed": Meaning("Gate", "higher", "1 if all modes are there, enough points are near them and spreads are right."),
}  # fmt: skip
HEALTH = {
    "variance": "Variance of generated over real images",
    "variance_class": "Variance inside classes over that of real images",
    "grad_norm": "Gradient norms",
    "grad_norm_ratio": "Gradient norm of G over that of D",
}


def signal_of(name: str) -> str:
    """The key of :data:`HEALTH` that a logged signal of a network or a class belongs to."""
    return re.sub(r"_([gd]|\d+)$", "", name.removeprefix("health/"))


def split(name: str) -> tuple[str, str]:
    """What of :data:`BEFORE` the name of a score begins with, and the rest."""
    before = next((before for before in BEFORE if name.startswith(before)), "")
    return before, name.removeprefix(before)


def meaning(name: str) -> Meaning:
    """Of the score ``name``: its own entry, else that of the longest entry it goes on from, else its bare name."""
    before, bare = split(name)
    if before and name not in MEANINGS:
        title, better, says = meaning(bare)
        whose, why = BEFORE[before]
        return Meaning(f"{title} {whose}", "" if why else better, why or says)  # no run makes a bound better
    if name in MEANINGS:
        return MEANINGS[name]
    parts = name.split("_")
    for length in range(len(parts) - 1, 0, -1):
        if (known := "_".join(parts[:length])) in MEANINGS:
            title, better, says = MEANINGS[known]
            return Meaning(f"{title} ({' '.join(parts[length:])})", better, says)
    return Meaning(" ".join(parts), "", "")


def rank(name: str) -> int:
    """Where the score stands in a table: as in ``MEANINGS``, others below."""
    names = [*MEANINGS]
    before, bare = split(name)
    known = max((entry for entry in names if bare == entry or bare.startswith(f"{entry}_")), key=len, default="")
    return (names.index(known) if known else len(names)) + len(names) * (before == "bicubic_")
