"""SSIM, rates, and a whole codec measured on a data set."""

import math
import weakref
from types import SimpleNamespace

import pytest
import torch
from skimage import data
from skimage.metrics import structural_similarity
from torch import nn

from vqlib.compress import VQVAE, AutoencoderConfig, VQVAEConfig
from vqlib.compress.perceptual import FeatureDistance, FeatureNet
from vqlib.data import digits
from vqlib.measure import (
    FrechetResult,
    OfflineFeatures,
    bits_per_image,
    compression_ratio,
    entropy_bits_per_image,
    measure_codec,
    psnr,
    ssim,
)
from vqlib.measure.batches import image_batches


def photograph() -> torch.Tensor:
    """(3, 128, 160), 8 bits."""
    return torch.from_numpy(data.astronaut()[100:228, 150:310]).permute(2, 0, 1).contiguous()


def in_range(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.float().div(127.5).sub(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_that_of_scikit_image_on_eight_bits(channels):
    x = torch.stack([photograph()[:channels], photograph()[:channels].flip(2)])
    noise = torch.tensor([8.0, 60.0]).view(2, 1, 1, 1) * torch.randn(x.shape)
    x_hat = (x + noise).clamp(0, 255).byte()
    expected = [
        structural_similarity(
            a.numpy(),
            b.numpy(),
            channel_axis=0,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(x_hat, x, strict=True)
    ]
    got = ssim(in_range(x_hat), in_range(x))
    assert got.tolist() == pytest.approx(expected, abs=5e-5)  # float32 against float64
    assert got[0] > got[1] + 0.2


def test_ssim_of_equal_and_of_inverted_images():
    x = in_range(photograph()[None])
    torch.testing.assert_close(ssim(x, x), torch.ones(1))
    assert ssim(-x, x).item() < 0
    # Flat images: only the comparison of means is left, (2ab + C₁) / (a² + b² + C₁), black at 0.
    a, b, C_1 = 0.5, 1.5, (0.01 * 2) ** 2
    flat = ssim(torch.full((1, 1, 11, 11), a - 1), torch.full((1, 1, 11, 11), b - 1))
    assert flat.item() == pytest.approx((2 * a * b + C_1) / (a * a + b * b + C_1), abs=5e-4)


def test_ssim_needs_room_for_its_window():
    with pytest.raises(ValueError, match="images are 32×10, .* window of 11×11"):
        ssim(torch.zeros(1, 1, 32, 10), torch.zeros(1, 1, 32, 10))


def test_rates_by_hand():
    assert bits_per_image(512, 64) == 576  # nine bits for each of 8×8 tokens
    assert entropy_bits_per_image(torch.tensor([5, 5, 5, 5]), 16) == pytest.approx(32)
    skewed = torch.tensor([2, 1, 1, 0])  # ½·1 + 2·¼·2 = 1.5 bits per token
    assert entropy_bits_per_image(skewed, 10) == pytest.approx(15)
    assert entropy_bits_per_image(torch.tensor([0, 7]), 10) == 0
    assert compression_ratio(576.0, (3, 32, 32)) == pytest.approx(3 * 32 * 32 * 8 / 576)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bits_per_image(0, 4), "num_codes is 0"),
        (lambda: bits_per_image(4, 0), "num_tokens 0"),
        (lambda: entropy_bits_per_image(torch.tensor([1]), 0), "num_tokens is 0"),
        (lambda: entropy_bits_per_image(torch.tensor([0]), 1), "at least one token"),
        (lambda: compression_ratio(0.0, (1, 8, 8)), "bits is 0"),
    ],
)
def test_rates_of_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Levels(nn.Module):
    """A codec to be checked by hand: one token per pixel, which of four greys is the nearest."""

    config = SimpleNamespace(num_codes=4)

    def encode(self, x):
        assert not self.training
        return x[:, 0].add(1).mul(1.5).round().long()

    def decode(self, tokens):
        return tokens[:, None].float().div(1.5).sub(1)


class Tracked:
    """A data set that knows how many of its images are held at once."""

    def __init__(self, images):
        self.images, self.given, self.peak = images, [], 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].clone()
        self.given.append(weakref.ref(image))
        self.peak = max(self.peak, self.held())
        return image

    def held(self) -> int:
        return sum(ref() is not None for ref in self.given)


def test_a_codec_checked_by_hand():
    levels = torch.tensor([-1, -1 / 3, 1 / 3, 1])
    x = levels[torch.randint(0, 4, (6, 1, 16, 12), generator=torch.Generator().manual_seed(0))]
    x[:, :, :, :6] = -1.0
    off = (x + 0.1).clamp(max=1)  # every value comes back as the level below it
    codec = Levels().train()
    measured = measure_codec(codec, off, progress=False)
    assert codec.training
    assert measured["num_images"] == 6
    assert measured["psnr_db"] == pytest.approx(psnr(x, off).mean().item())
    assert measured["ssim"] == pytest.approx(ssim(x, off).mean().item())
    assert measured["codebook_usage"] == 1
    assert measured["bits_per_image"] == 16 * 12 * 2
    assert measured["bits_per_pixel"] == 2
    assert measured["compression_ratio"] == 4
    shares = (x.flatten()[:, None] - levels).abs().argmin(1).bincount() / x.numel()
    entropy = -(shares * shares.log2()).sum().item()
    assert measured["entropy_bits_per_image"] == pytest.approx(16 * 12 * entropy, rel=1e-5)
    assert "frechet" not in measured
    exact = measure_codec(codec, x, progress=False)
    assert exact["psnr_db"] > 100
    assert exact["ssim"] == pytest.approx(1)


def test_a_vqvae_on_digits():
    torch.manual_seed(3)
    autoencoder = AutoencoderConfig(1, 8, 8, num_res_blocks=1, num_downsamplings=3, code_dim=4)
    codec = VQVAE(VQVAEConfig(autoencoder, num_codes=16, image_size=32))
    net = FeatureNet(10, widths=(4, 8))
    options = {"perceptual": FeatureDistance(net), "extractor": OfflineFeatures(net)}
    source = Tracked(digits("held_out").images[:50])
    measured = measure_codec(codec, source, batch_size=8, progress=False, **options)

    assert source.peak <= 9  # a batch, and the image on its way into the next
    x = source.images
    codec.eval()
    x_hat = codec.decode(codec.encode(x))
    assert measured["psnr_db"] == pytest.approx(psnr(x_hat, x).mean().item(), rel=1e-5)
    assert measured["feature distance (offline networks)"] == pytest.approx(
        FeatureDistance(net)(x_hat, x).mean().item(), rel=1e-5
    )
    assert 0 < measured["codebook_usage"] <= 1 <= measured["perplexity"] <= 16
    assert measured["bits_per_image"] == 16 * 4
    assert measured["entropy_bits_per_image"] == pytest.approx(
        16 * math.log2(measured["perplexity"])
    )
    assert measured["bits_per_pixel"] == 64 / 1024
    result = measured["frechet"]
    assert isinstance(result, FrechetResult)
    assert result.name == "Fréchet distance (offline network)"
    assert result.protocol.num_generated == result.protocol.num_reference == 50
    assert result.distance > 0

    again = measure_codec(codec, source, batch_size=8, progress=False, **options)
    assert again == measured
    whole = measure_codec(codec, source, batch_size=50, progress=False, **options)
    assert whole["frechet"].protocol == result.protocol
    assert whole["frechet"].difference(result) == pytest.approx(0, abs=1e-6)
    assert whole["ssim"] == pytest.approx(measured["ssim"], rel=1e-5)


def test_no_more_than_a_batch_is_held():
    source = Tracked(torch.arange(20.0).view(20, 1, 1, 1))
    seen = []
    for batch in image_batches(source, 8, label="test", progress=False):
        assert source.held() <= 1  # the last one read; the others are in the batch alone
        seen.append(batch.flatten().tolist())
        if len(seen) == 2:
            break
    assert seen == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="no images to measure"):
        measure_codec(Levels(), torch.zeros(0, 1, 16, 16), progress=False)


def test_what_some_images_have_not_is_left_out_with_the_reason():
    small = measure_codec(Levels(), torch.zeros(2, 1, 8, 8), progress=False)
    assert small["not_measured"] == {"ssim": "SSIM needs images of 11×11 pixels"}
    assert "ssim" not in small and small["psnr_db"] > 5
    extractor = OfflineFeatures(FeatureNet(10, widths=(4, 8)))
    one = measure_codec(Levels(), torch.zeros(1, 1, 16, 16), extractor=extractor, progress=False)
    assert one["not_measured"] == {"frechet": "a Fréchet distance needs 2 images or more"}
    assert "frechet" not in one and one["ssim"] <= 1
