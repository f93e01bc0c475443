"""Reads the style image of style transfer: a file, or a texture of scikit-image."""

from difflib import get_close_matches
from pathlib import Path

import skimage
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms.functional import pil_to_tensor

from lightning_cgan.batches import to_signed
from lightning_cgan.errors import UserError

TEXTURES = {name: f"{name}.png" for name in ("brick", "grass", "gravel", "ihc")}  # files in scikit-image's package
TEXTURES |= {name: f"{name}.jpg" for name in ("hubble_deep_field", "retina")}


def style_picture(style: str, size: int | None) -> Tensor:
    """The texture or the file ``style``, (3, H, W) in [-1, 1], its longer side ``size`` pixels; None: unchanged.

    Raises:
        UserError: if there is no such texture or file, or it is no image.
    """
    path = Path(skimage.__file__).parent / "data" / TEXTURES[style] if style in TEXTURES else Path(style)
    if not path.is_file():
        near = get_close_matches(style, TEXTURES, n=1)
        raise UserError(
            f"A style is the path of an image or one of {', '.join(TEXTURES)}; there is no {style}. "
            "Set model.init_args.style." + (f"\nThe nearest valid name is {near[0]}." if near else "")
        )
    try:
        with Image.open(path) as file:
            picture = to_signed(pil_to_tensor(file.convert("RGB")))
    except (UnidentifiedImageError, OSError) as cause:
        raise UserError(f"A style is an image; {style} cannot be read as one. Set model.init_args.style.") from cause
    if size is None or size == max(picture.shape):
        return picture
    height, width = (max(1, round(side * size / max(picture.shape))) for side in picture.shape[1:])
    return interpolate(picture[None], size=(height, width), mode="bilinear", antialias=True)[0]
