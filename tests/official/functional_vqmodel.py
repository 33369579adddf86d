"""The first stage a second time: plain functions over a state dict in the released layout."""

from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


def numbers(state: State, stem: str) -> list[int]:
    """The numbers that follow `stem.` in names, in order."""
    rests = [name[len(stem) + 1 :] for name in state if name.startswith(f"{stem}.")]
    return sorted({int(rest.split(".")[0]) for rest in rests})


def conv(state: State, name: str, x: Tensor, **options: int) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **options)


def norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)


def swish(x: Tensor) -> Tensor:
    return x * x.sigmoid()


def res_block(state: State, name: str, x: Tensor) -> Tensor:
    h = conv(state, f"{name}.conv1", swish(norm(state, f"{name}.norm1", x)), padding=1)
    h = conv(state, f"{name}.conv2", swish(norm(state, f"{name}.norm2", h)), padding=1)
    if f"{name}.nin_shortcut.weight" in state:
        x = conv(state, f"{name}.nin_shortcut", x)
    return x + h


def attention(state: State, name: str, x: Tensor) -> Tensor:
    normed = norm(state, f"{name}.norm", x)
    q, k, v = (conv(state, f"{name}.{it}", normed).flatten(2) for it in "qkv")  # (B, C, h·w)
    scores = q.transpose(1, 2) @ k / q.shape[1] ** 0.5
    attended = v @ scores.softmax(2).transpose(1, 2)
    return x + conv(state, f"{name}.proj_out", attended.view_as(x))


def middle(state: State, name: str, x: Tensor) -> Tensor:
    x = res_block(state, f"{name}.block_1", x)
    if f"{name}.attn_1.norm.weight" in state:
        x = attention(state, f"{name}.attn_1", x)
    return res_block(state, f"{name}.block_2", x)


def level(state: State, name: str, x: Tensor) -> Tensor:
    for j in numbers(state, f"{name}.block"):
        x = res_block(state, f"{name}.block.{j}", x)
        if f"{name}.attn.{j}.norm.weight" in state:
            x = attention(state, f"{name}.attn.{j}", x)
    return x


def encode(state: State, x: Tensor) -> Tensor:
    """Images to latents as the codebook sees them."""
    h = conv(state, "encoder.conv_in", x, padding=1)
    for i in numbers(state, "encoder.down"):
        h = level(state, f"encoder.down.{i}", h)
        if f"encoder.down.{i}.downsample.conv.weight" in state:
            h = F.pad(h, (0, 1, 0, 1))
            h = conv(state, f"encoder.down.{i}.downsample.conv", h, stride=2)
    h = swish(norm(state, "encoder.norm_out", middle(state, "encoder.mid", h)))
    return conv(state, "quant_conv", conv(state, "encoder.conv_out", h, padding=1))


def tokens(state: State, z: Tensor) -> Tensor:
    """The nearest code, or for Gumbel codes the one with the highest logit."""
    if "quantize.proj.weight" in state:
        return conv(state, "quantize.proj", z).argmax(1)
    differences = z.movedim(1, -1)[..., None, :] - state["quantize.embedding.weight"]
    return differences.square().sum(-1).argmin(-1)


def decode(state: State, indices: Tensor) -> Tensor:
    """Tokens to images, unclipped."""
    gumbel = "quantize.embed.weight" in state
    table = state["quantize.embed.weight" if gumbel else "quantize.embedding.weight"]
    h = conv(state, "post_quant_conv", table[indices].movedim(-1, 1))
    h = middle(state, "decoder.mid", conv(state, "decoder.conv_in", h, padding=1))
    for i in reversed(numbers(state, "decoder.up")):
        h = level(state, f"decoder.up.{i}", h)
        if f"decoder.up.{i}.upsample.conv.weight" in state:
            h = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            h = conv(state, f"decoder.up.{i}.upsample.conv", h, padding=1)
    return conv(state, "decoder.conv_out", swish(norm(state, "decoder.norm_out", h)), padding=1)


def judge(state: State, x: Tensor) -> Tensor:
    """The discriminator in evaluation mode; convolutions have stride 2 but for the last two."""
    main = "loss.discriminator.main"
    places = numbers(state, main)
    convs = [i for i in places if state[f"{main}.{i}.weight"].ndim == 4]
    for i in convs:
        x = conv(state, f"{main}.{i}", x, stride=1 if i in convs[-2:] else 2, padding=1)
        if i + 1 in places:
            statistics = ("running_mean", "running_var", "weight", "bias")
            x = F.batch_norm(x, *(state[f"{main}.{i + 1}.{it}"] for it in statistics))
        if i != convs[-1]:
            x = F.leaky_relu(x, 0.2)
    return x
