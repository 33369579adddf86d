"""The codec of label maps: one-hot in, logits out, labels back."""

import pytest
import torch
from torch import Tensor

from vqlib.compress import (
    AutoencoderConfig,
    EMACodes,
    LabelMapConfig,
    LabelMapVQVAE,
    VQVAEConfig,
    initialize_codes,
    label_map_loss,
    label_maps,
    vqgan_f16,
)


def small_model() -> LabelMapVQVAE:
    autoencoder = AutoencoderConfig(
        image_channels=3,
        hidden_channels=32,
        res_channels=16,
        num_res_blocks=1,
        num_downsamplings=2,
        code_dim=8,
    )
    config = VQVAEConfig(autoencoder, num_codes=32, image_size=16, codes=EMACodes())
    return label_maps(config, num_labels=5).build()


def blocky_maps(count: int) -> Tensor:
    """Maps of 4×4 squares with one label each."""
    return torch.randint(5, (count, 4, 4)).repeat_interleave(4, 1).repeat_interleave(4, 2)


def test_labels_in_logits_out_labels_back():
    model = small_model().eval()
    labels = blocky_maps(2)
    logits, quantized = model(labels)
    assert (logits.shape, logits.dtype) == ((2, 5, 16, 16), torch.float32)
    tokens = model.encode(labels)
    assert (tokens.shape, tokens.dtype) == ((2, 4, 4), torch.int64)
    assert torch.equal(quantized.tokens, tokens)
    decoded = model.decode(tokens)
    assert (decoded.shape, decoded.dtype) == (labels.shape, torch.int64)
    assert (decoded == logits.argmax(1)).float().mean() > 0.99  # up to rounding of near ties


def test_one_hot_puts_a_one_in_the_labels_channel():
    labels = blocky_maps(2)
    hot = small_model().one_hot(labels)
    assert (hot.shape, hot.dtype) == ((2, 5, 16, 16), torch.float32)
    assert torch.equal(hot.argmax(1), labels)
    assert torch.equal(hot.sum(1), torch.ones(2, 16, 16))
    assert set(hot.unique().tolist()) == {0, 1}


def test_it_overfits_one_batch_by_cross_entropy():
    model, labels = small_model(), blocky_maps(4)
    with torch.no_grad():
        initialize_codes(model.quantizer, model.latents(model.one_hot(labels)))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss, logs = label_map_loss(labels, *model(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logs["reconstruction"] < 0.1
    assert (model.decode(model.encode(labels)) == labels).float().mean() > 0.98


def test_the_loss_is_cross_entropy_and_the_weighted_terms_of_the_codebook():
    model, labels = small_model(), blocky_maps(2)
    logits, quantized = model(labels)
    loss, logs = label_map_loss(
        labels, logits, quantized, codebook_weight=2.0, commitment_weight=3.0
    )
    chosen = logits.log_softmax(1).gather(1, labels[:, None])  # log probability of the right label
    torch.testing.assert_close(logs["reconstruction"], -chosen.detach().mean())
    expected = -chosen.mean() + 2 * quantized.codebook_loss + 3 * quantized.commitment_loss
    torch.testing.assert_close(loss, expected)
    assert not any(value.requires_grad for value in logs.values())


def test_a_configuration_for_images_becomes_one_for_label_maps():
    config = label_maps(vqgan_f16(num_codes=77), num_labels=9)
    assert isinstance(config, LabelMapConfig)
    assert (config.autoencoder.image_channels, config.num_codes, config.grid_size) == (9, 77, 16)
    with pytest.raises(ValueError, match="num_labels is 1; a label map needs at least 2"):
        label_maps(vqgan_f16(), num_labels=1)


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_that_does_not_exist_is_named(label):
    labels = torch.zeros(1, 16, 16, dtype=torch.int64)
    labels[0, 3, 3] = label
    for way in (small_model(), small_model().encode):
        with pytest.raises(ValueError, match=rf"\[.*{label}.*this model has 0 to 4"):
            way(labels)


def test_maps_of_a_wrong_size_are_named():
    with pytest.raises(ValueError, match=r"18×16.*multiples of f = 4"):
        small_model().encode(torch.zeros(1, 18, 16, dtype=torch.int64))
