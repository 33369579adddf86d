"""Picture files in and out."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

CHANNELS_OF_MODE = {"L": 1, "RGB": 3}


def read_picture(path: str | Path, *, channels: int) -> Float[Tensor, "C H W"]:
    """Read an 8-bit grey or colour picture.

    Args:
        path: any format Pillow reads.
        channels: what the model takes, 1 (grey) or 3 (colour).

    Returns:
        float32 in [-1, 1].

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a picture, cut short, or of another number of channels.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with Image.open(path) as picture:
            picture.load()
            mode, pixels = picture.mode, np.array(picture)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a picture in a format Pillow reads") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: too large to open safely ({error})") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: damaged or cut short ({error})") from error
    if CHANNELS_OF_MODE.get(mode) != channels:
        wanted = {1: "an 8-bit grey picture (mode L)", 3: "an 8-bit colour picture (mode RGB)"}
        raise ValueError(
            f"{path}: this is a picture of mode {mode}, the model takes {wanted[channels]}; "
            "convert it first"
        )
    tensor = torch.from_numpy(pixels).float().div(127.5).sub(1)
    return tensor[None] if channels == 1 else tensor.permute(2, 0, 1)


def write_picture(image: Float[Tensor, "C H W"], path: str | Path) -> None:
    """Save an image in [-1, 1] as 8-bit PNG, under a temporary name first.

    Raises:
        ValueError: the name does not end in .png.
    """
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are saved as PNG, give a name that ends in .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = image.detach().cpu().float().add(1).mul(127.5).round().clamp(0, 255).byte()
    array = pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy()
    temporary = path.with_name(f".{path.name}.part")
    Image.fromarray(array).save(temporary, format="PNG")
    Path(temporary).replace(path)


def grid(
    images: Float[Tensor, "N C H W"], *, columns: int = 8, gap: int = 2
) -> Float[Tensor, "C GH GW"]:
    """Lay images out in rows on a mid-grey ground, `gap` pixels apart."""
    from torchvision.utils import make_grid

    sheet = make_grid(images.cpu(), nrow=columns, padding=gap, pad_value=0.0)
    return sheet[: images.shape[1]]  # make_grid turns grey pictures into three equal channels
