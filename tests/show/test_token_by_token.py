"""One frame for each number of tokens; the last one is the finished picture."""

import pytest
import torch

from vqlib.compress import VQVAE, vqvae_digits
from vqlib.show.token_by_token import token_by_token_widget, unfinished


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    return VQVAE(vqvae_digits()).eval()


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(64, (4, 4), generator=torch.Generator().manual_seed(0))


def test_the_last_picture_is_the_decoding_of_all_tokens(codec, tokens):
    images = unfinished(codec, tokens)
    assert images.shape == (17, 1, 32, 32)
    assert torch.allclose(images[-1:], codec.decode(tokens[None]), atol=1e-5)


def test_tokens_that_are_not_drawn_yet_change_nothing(codec, tokens):
    others = tokens.clone()
    others[2:] = (others[2:] + 1) % 64
    before, after = unfinished(codec, tokens), unfinished(codec, others)
    assert torch.equal(before[:9], after[:9])
    assert not torch.allclose(before[9], after[9])


def test_there_is_a_frame_for_every_number_of_tokens(codec, tokens):
    widget = token_by_token_widget(codec, tokens[:2, :2])
    stack = widget.children[-1]
    assert len(stack.children) == 5
    assert f"t = 1, s = {tokens[0, 0]}" in stack.children[1].value
