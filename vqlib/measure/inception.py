"""The network of FID: Inception-v3 with the weights that all published FIDs are measured with."""

import hashlib
import io
from pathlib import Path
from urllib.error import URLError

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress.perceptual import Frozen, in_colour
from vqlib.measure.batches import eight_bit
from vqlib.measure.protocol import FID_EXTRACTOR

WEIGHTS_URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
# The file's name carries the first eight digits.
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


class InceptionFeatures(Frozen):
    """The 2,048 features of FID, from the network in the package `torch_fidelity`.

    The network is TensorFlow's of 2015; torchvision's Inception-v3 has other features. It takes
    images of 8 bits and resizes them itself to 299×299, as TensorFlow 1 did, without smoothing.

    Args:
        weights: the file `weights-inception-2015-12-05-6726825d.pth`. None takes it from
            torch.hub's folder, and downloads it there first if it is missing (91 MB).
        progress: show a bar while downloading.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: the download failed.
        ValueError: the file is not the official one, byte for byte.
    """

    name = FID_EXTRACTOR
    digest = WEIGHTS_SHA256  # every instance has exactly these weights
    dim = 2048
    image_size = 299
    resize = "bilinear as in TensorFlow 1, inside the network"

    def __init__(self, weights: str | Path | None = None, *, progress: bool = True):
        super().__init__()
        path = _downloaded(progress) if weights is None else Path(weights)
        self.net = _network(_verified_state(path))
        self.freeze()

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 2048"]:
        """Features in float32 of images in [-1, 1]; grey images count as colour.

        Images are rounded to 8 bits first. Raises `ValueError` outside [-1, 1].
        """
        with torch.autocast(images.device.type, enabled=False):
            return self.net(eight_bit(in_colour(images)))[0]


def _downloaded(progress: bool) -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS_URL.rsplit("/", 1)[1]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(WEIGHTS_URL, str(path), WEIGHTS_SHA256, progress)
        except (URLError, RuntimeError) as error:  # the latter: what came has another hash
            raise OSError(
                f"could not download {WEIGHTS_URL} ({error}): fetch it elsewhere and pass it as "
                "`weights`"
            ) from error
    return path


def _verified_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it can be had from {WEIGHTS_URL}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ValueError(
            f"{path}: its SHA-256 begins with {found[:8]}, that of the FID weights with "
            f"{WEIGHTS_SHA256[:8]}; cut short, or another file? It can be had from {WEIGHTS_URL}"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _network(state: dict[str, Tensor]) -> torch.nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # The package's constructor would unpickle any file it is given. It gets our own copy of the
    # tensors, which were read with weights_only=True.
    copy = io.BytesIO()
    torch.save(state, copy)
    copy.seek(0)
    return FeatureExtractorInceptionV3(
        "inception-v3", ["2048"], feature_extractor_weights_path=copy
    )
