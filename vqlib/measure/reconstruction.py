"""How close is a reconstruction to its image, and what did it cost?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.compress import code_counts, codebook_usage, perplexity
from vqlib.measure.batches import ImageSource, image_batches
from vqlib.measure.frechet import FeatureExtractor, ImageStatistics, compare_statistics
from vqlib.measure.rate import bits_per_image, compression_ratio, entropy_bits_per_image

# SSIM looks through an 11×11 window with Gaussian weights (Wang et al. 2004, section III-C).
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5


def psnr(x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Peak signal-to-noise ratio of each image in dB, for images in [-1, 1] (peak-to-peak 2).

    10·log₁₀(2² / MSE); infinite where the two are equal.
    """
    mse = (x_hat.float() - x.float()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(4 / mse)


def ssim(x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Structural similarity of each image, for images in [-1, 1] (data range 2).

    Gaussian window of 11×11 pixels with σ = 1.5, K₁ = 0.01, K₂ = 0.03; the mean over all positions
    where the window lies inside the image, and over channels. Computed by torchmetrics, in float32:
    three decimals can be relied on. The formula compares means as ratios, which makes sense only
    where black is 0; images are therefore shifted to [0, 2] first, and the result is that of the
    same pictures in 8 bits.

    Source: Wang et al. 2004, *Image Quality Assessment: From Error Visibility to Structural
    Similarity*, section III.

    Returns:
        At most 1, which only equal images reach; around 0 for unrelated ones.

    Raises:
        ValueError: images smaller than the window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    H, W = x.shape[2:]
    if min(H, W) < SSIM_WINDOW:
        raise ValueError(
            f"images are {H}×{W}, but SSIM looks through a window of {SSIM_WINDOW}×{SSIM_WINDOW} "
            "pixels: use larger images, or PSNR"
        )
    _, similarity = structural_similarity_index_measure(
        x_hat.float() + 1,
        x.float() + 1,
        sigma=SSIM_SIGMA,
        data_range=2.0,
        reduction="none",
        return_full_image=True,
    )
    # torchmetrics mirrors the image at its border; those positions are not part of the definition.
    margin = SSIM_WINDOW // 2
    return similarity[..., margin : H - margin, margin : W - margin].mean(dim=(1, 2, 3))


@runtime_checkable
class Codec(Protocol):
    """What can be measured: a first stage such as `VQVAE`."""

    config: Any
    """Has `num_codes`."""

    def encode(self, x: Float[Tensor, "B C H W"]) -> Int[Tensor, "B h w"]:
        """Images in [-1, 1] to tokens."""
        ...

    def decode(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B C H W"]:
        """Tokens to images in [-1, 1]."""
        ...


def measure_codec(
    codec: Codec,
    images: ImageSource,
    *,
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
    extractor: FeatureExtractor | None = None,
    reference_name: str = "originals",
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Send a data set through a codec, batch by batch, and measure what comes out.

    The codec works in eval mode and is left in the mode it was in.

    Args:
        codec: encodes and decodes; on `device`.
        images: in [-1, 1]: a data set or an iterable of batches.
        perceptual: a distance (x_hat, x) → one number per image, such as `LPIPS()`; on `device`.
        extractor: for the Fréchet distance of the reconstructions from their originals.
        reference_name: what the Fréchet result calls the originals.
        batch_size: images per batch where the source does not come in batches.
        device: where codec and networks are.
        progress: show a bar.

    Returns:
        `num_images`; `psnr_db`, `ssim` and the perceptual distance under its own name, each the
        mean over the images (the PSNR is infinite if one image came back exactly);
        `codebook_usage` and `perplexity` over all tokens; `bits_per_image`, `bits_per_pixel` and
        `compression_ratio` at log₂ K bits per token; `entropy_bits_per_image`; and where there is
        an extractor `frechet`, a `FrechetResult`. What these images have not is left out, and in
        `not_measured` stands the reason by name: SSIM of images smaller than its window, the
        Fréchet distance of a single image.

    Raises:
        ValueError: no images, or images that one of the measures refuses.
    """
    found = _Findings(codec.config.num_codes, perceptual, extractor)
    with torch.no_grad(), _eval_mode(codec):
        for batch in image_batches(images, batch_size, label="measuring", progress=progress):
            x = batch.to(device)
            tokens = codec.encode(x)
            found.add(x, tokens, codec.decode(tokens))
    return found.result(reference_name)


class _Findings:
    """What is kept of each batch, and what follows from all."""

    def __init__(self, num_codes: int, perceptual: Any, extractor: FeatureExtractor | None):
        self.measures = {"psnr_db": psnr, "ssim": ssim}
        if perceptual is not None:
            self.measures[getattr(perceptual, "name", "perceptual_distance")] = perceptual
        self.per_image: dict[str, list[Tensor]] = {}
        self.not_measured: dict[str, str] = {}
        self.sides = [] if extractor is None else [ImageStatistics(extractor) for _ in range(2)]
        self.counts = torch.zeros(num_codes, dtype=torch.long)
        self.num_tokens, self.shape = 0, (0, 0, 0)

    def add(self, x: Tensor, tokens: Tensor, x_hat: Tensor) -> None:
        self.num_tokens, self.shape = tokens[0].numel(), tuple(x.shape[1:])
        if min(self.shape[1:]) < SSIM_WINDOW and self.measures.pop("ssim", None):
            too_small = f"SSIM needs images of {SSIM_WINDOW}×{SSIM_WINDOW} pixels"
            self.not_measured["ssim"] = too_small
        self.counts += code_counts(tokens.cpu(), len(self.counts))
        for name, measure in self.measures.items():
            self.per_image.setdefault(name, []).append(measure(x_hat, x).double().cpu())
        for side, pictures in zip(self.sides, (x, x_hat), strict=False):
            side.update(pictures)

    def result(self, reference_name: str) -> dict[str, Any]:
        if not self.num_tokens:
            raise ValueError("there are no images to measure")
        values = {name: torch.cat(parts) for name, parts in self.per_image.items()}
        result = {
            "num_images": len(values["psnr_db"]),
            **{name: value.mean().item() for name, value in values.items()},
            "codebook_usage": codebook_usage(self.counts),
            "perplexity": perplexity(self.counts),
            **_rates(self.counts, self.num_tokens, self.shape),
        }
        if self.sides and result["num_images"] > 1:
            result["frechet"] = compare_statistics(*self.sides, reference_name=reference_name)
        elif self.sides:
            self.not_measured["frechet"] = "a Fréchet distance needs 2 images or more"
        return result | ({"not_measured": self.not_measured} if self.not_measured else {})


def _rates(counts: Tensor, num_tokens: int, shape: tuple[int, int, int]) -> dict[str, float]:
    bits = bits_per_image(len(counts), num_tokens)
    return {
        "bits_per_image": bits,
        "entropy_bits_per_image": entropy_bits_per_image(counts, num_tokens),
        "bits_per_pixel": bits / (shape[1] * shape[2]),
        "compression_ratio": compression_ratio(bits, shape),
    }


@contextmanager
def _eval_mode(codec: Codec) -> Iterator[None]:
    """A codebook that learns from what it sees must not learn while it is measured."""
    was_training = getattr(codec, "training", False)
    if was_training:
        codec.eval()
    try:
        yield
    finally:
        if was_training:
            codec.train()
