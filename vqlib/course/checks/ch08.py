"""Checks of chapter 8, *What does a critic see that looks at patches only?*"""

from collections.abc import Callable, Sequence
from math import prod
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from vqlib.compress import hinge_discriminator_loss, hinge_generator_loss
from vqlib.course.checks.cases import cases, leaves, normal
from vqlib.course.checks.gradient import require_gradients
from vqlib.course.checks.report import Mistake, compare, correct, require, run
from vqlib.course.checks.who_moves import check_who_moves

Layers = Sequence[tuple[int, int]]

# --- Exercise 8.1 -------------------------------------------------------------------------------

CRITICS = (
    [(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)],  # the critic of the chapter
    [(3, 1), (3, 1)],
    [(5, 1), (4, 2), (3, 3)],
    [(1, 1)],
)


def check_receptive_field(answer: Callable[[Layers], int], *, seed: int = 0) -> None:
    """Exercise 8.1: from the verdict back to the image, (r − 1) · stride + kernel."""
    for layers in cases(seed, CRITICS, _critics):
        got = run(answer, list(layers))
        compare(got, _backwards(layers), _field_mistakes(layers), f"receptive_field({layers})")
    correct()


def _critics(draw: Random) -> list[list[tuple[int, int]]]:
    """Three stacks of 2 to 6 layers: a large kernel before a stride, and layers at random."""
    return [
        [(5, 1), (4, 2), *((draw.randint(2, 5), draw.randint(1, 3)) for _ in range(number))]
        for number in draw.sample(range(5), 3)
    ]


def _backwards(layers: Layers, start: int = 1) -> int:
    side = start
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


def _field_mistakes(layers: Layers) -> list[tuple[int, str, str]]:
    no_minus, early, jump, own = 1, 1, 1, 1
    for kernel, stride in reversed(layers):
        no_minus = no_minus * stride + kernel
    for kernel, stride in layers:
        jump *= stride
        early += (kernel - 1) * jump
        own += (kernel - 1) * stride
    return [
        (
            _backwards(layers[::-1]),
            "You go from the image to the verdict. This recursion starts at the verdict: take the "
            "layers in reversed order.",
            "你是从图像往判断走的。这个递推要从判断出发：各层的顺序要倒过来（reversed）。",
        ),
        (
            no_minus,
            "The −1 is missing: r positions have r − 1 steps between them, so it is "
            "(r − 1) · stride + kernel.",
            "漏了 −1：r 个位置之间只有 r − 1 个间隔，应当是 (r − 1) · stride + kernel。",
        ),
        (
            sum(kernel for kernel, _ in layers),
            "That is the sum of the kernels. Neighbouring windows overlap, and strides spread "
            "them apart.",
            "这是卷积核大小之和。相邻的窗口互相重叠，步长又把它们拉开。",
        ),
        (
            1 + sum(kernel - 1 for kernel, _ in layers),
            "The strides are not used: behind a layer of stride 2, one step is two steps long.",
            "没有用到步长：隔着一层步长 2，走一步相当于走两步。",
        ),
        (
            prod(stride for _, stride in layers),
            "That is how far two neighbouring verdicts lie apart, not how much one of them sees.",
            "这是相邻两个判断之间的距离，不是一个判断能看到的范围。",
        ),
        (
            early,
            "A layer's own stride does not spread its own kernel, only what lies behind it: add "
            "(kernel − 1) · jump first, and multiply jump by the stride afterwards.",
            "一层的步长拉开的不是它自己的卷积核，而是它后面的层："
            "先加 (kernel − 1) · jump，再让 jump 乘上步长。",
        ),
        (
            own,
            "Each kernel is multiplied by its own stride only. What counts are the strides of all "
            "layers between it and the image.",
            "每个卷积核只乘了自己的步长。起作用的是它和图像之间所有层的步长。",
        ),
        (
            _backwards(layers, start=0),
            "You start with 0 positions. A verdict is one position: start with 1.",
            "你从 0 个位置开始。一个判断就是一个位置：从 1 开始。",
        ),
    ]


# --- Exercise 8.2 -------------------------------------------------------------------------------


def check_hinge_losses(
    answer: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], *, seed: int = 0
) -> None:
    """Exercise 8.2: values of both losses, and the gradients through which both networks learn."""
    for shape in cases(seed, ((2, 1, 3, 4), (1, 1, 6, 6)), _maps):
        real, fake = leaves(seed + 8, shape, shape)
        real.data.mul_(2).add_(0.5)
        fake.data.mul_(2).sub_(0.5)
        got = run(answer, real, fake)
        require(
            isinstance(got, tuple | list) and len(got) == 2,
            "Return two losses: the critic's, then the generator's.",
            "要返回两个损失：先是判别器的，再是生成器的。",
        )
        right = hinge_discriminator_loss(real, fake), hinge_generator_loss(fake)
        verdicts = real.detach(), fake.detach()
        _compare_loss(got[0], right[0].item(), _critic_mistakes(*verdicts), "[0]")
        _compare_loss(got[1], right[1].item(), _generator_mistakes(*verdicts), "[1]")
        _require_learning(got, right, real, fake)
    correct()


def _maps(draw: Random) -> list[tuple[int, ...]]:
    """Shapes (B, 1, h, w): a map of verdicts for each image."""
    return [(draw.randint(1, 4), 1, draw.randint(3, 9), draw.randint(3, 9)) for _ in range(2)]


def _require_learning(got: Sequence[Any], right: Sequence[Tensor], real: Tensor, fake: Tensor):
    """Each loss has to send its gradient to the verdicts it is made of."""
    names = ("hinge_losses(real, fake)[0]", "hinge_losses(real, fake)[1]")
    for loss, asked in zip(got, names, strict=True):
        if not isinstance(loss, Tensor):
            raise Mistake(
                f"{asked} has the right value but no gradient, it is {loss!r}: return the tensor, "
                "without item().",
                f"{asked} 数值正确，却没有梯度，它是 {loss!r}：返回张量本身，不要用 item()。",
            )
    reason = (
        "Detach x̂ before the critic sees it, not the verdict on it: the critic learns from both "
        "of its terms, the generator through D(x̂).",
        "要在判别器看到 x̂ 之前 detach，而不是 detach 它的判断："
        "判别器从自己的两项里学习，生成器通过 D(x̂) 学习。",
    )
    both, made = {"real": real, "fake": fake}, {"fake": fake}
    for loss, formula, at, asked in zip(got, right, (both, made), names, strict=True):
        require_gradients(loss.reshape(()), formula, at, asked, reason)


def _compare_loss(got: Any, right: float, mistakes: list[tuple[Any, str, str]], which: str) -> None:
    asked = f"hinge_losses(real, fake){which}"
    require(
        got is not None and got is not ...,
        f"{asked} is not filled in yet.",
        f"{asked} 还没有填。",
    )
    if isinstance(got, Tensor):
        require(
            got.numel() == 1,
            f"{asked} has the shape {tuple(got.shape)}: take the mean over all verdicts.",
            f"{asked} 的形状是 {tuple(got.shape)}：要对所有判断取平均。",
        )
        got = got.item()
    rounded = [(round(float(value), 6), en, zh) for value, en, zh in mistakes]
    got = round(got, 6) if isinstance(got, float) else got
    compare(got, round(right, 6), rounded, asked)


def _critic_mistakes(real: Tensor, fake: Tensor) -> list[tuple[Any, str, str]]:
    up, down = (1 - real).relu(), (1 + fake).relu()
    swapped = (1 + real).relu().mean() + (1 - fake).relu().mean()
    return [
        (
            up.mean() + down.mean(),
            "The factor ½ is missing.",
            "漏了系数 ½。",
        ),
        (
            0.5 * swapped,
            "Signs: real logits are wanted above 1, so they cost relu(1 − D(x)); made ones cost "
            "relu(1 + D(x̂)).",
            "符号反了：真图的 logit 要高于 1，代价是 relu(1 − D(x))；假图的代价是 relu(1 + D(x̂))。",
        ),
        (
            swapped,
            "Signs: real logits are wanted above 1, so they cost relu(1 − D(x)); and the ½ is "
            "missing.",
            "符号反了：真图的 logit 要高于 1，代价是 relu(1 − D(x))；而且漏了 ½。",
        ),
        (
            0.5 * ((1 - real).mean() + (1 + fake).mean()),
            "relu is missing: a verdict beyond the margin of 1 costs nothing, it earns nothing.",
            "漏了 relu：超过间隔 1 的判断不再计损失，也不给奖励。",
        ),
        (
            0.5 * ((-real).relu().mean() + fake.relu().mean()),
            "The margin is missing: the loss is zero from 1 on, not from 0 on.",
            "漏了间隔：logit 过了 1 损失才是零，而不是过了 0。",
        ),
        (
            0.5 * (up.sum() + down.sum()),
            "These are sums over the verdicts: take means.",
            "这是对所有判断求和：应当取平均。",
        ),
    ]


def _generator_mistakes(real: Tensor, fake: Tensor) -> list[tuple[Any, str, str]]:
    return [
        (
            fake.mean(),
            "The sign is missing: the generator minimises −mean D(x̂), so that D(x̂) goes up.",
            "漏了负号：生成器要最小化 −mean D(x̂)，这样 D(x̂) 才会升高。",
        ),
        (
            (1 - fake).relu().mean(),
            "The generator has no margin: an image that looks real already may go on improving. "
            "It is −mean D(x̂), without relu.",
            "生成器没有间隔：已经像真的图像也可以继续变好。应当是 −mean D(x̂)，没有 relu。",
        ),
        (
            (1 + fake).relu().mean(),
            "That is the critic's term for made images; the generator wants the opposite.",
            "这是判别器损失里假图的那一项；生成器想要的正相反。",
        ),
        (
            -fake.sum(),
            "That is a sum over the verdicts: take the mean.",
            "这是对所有判断求和：应当取平均。",
        ),
        (
            real.mean() - fake.mean(),
            "The real images do not depend on the generator: leave them out of its loss.",
            "真图与生成器无关：不要放进它的损失。",
        ),
        (
            -0.5 * fake.mean(),
            "The ½ belongs to the critic's loss, which has two terms. This one has one.",
            "½ 属于判别器的损失，那里有两项；这里只有一项。",
        ),
    ]


# --- Exercise 8.3 -------------------------------------------------------------------------------

PARTS = ("critic", "generator")
WHY = {
    "critic_step": (
        "detach() cuts the way from x̂ back to the generator.",
        "detach() 切断了从 x̂ 回到生成器的路。",
    ),
    "critic_step_undetached": (
        "Nothing cuts the way: backward goes through the critic to x̂ and on to the generator.",
        "没有东西挡路：反向传播穿过判别器到 x̂，再到生成器。",
    ),
    "generator_step": (
        "The way to the generator leads through the critic, whose weights take part in computing "
        "D(x̂): they get a gradient as well.",
        "通往生成器的路要穿过判别器，判别器的权重参与了 D(x̂) 的计算：它们也有梯度。",
    ),
    "generator_step_frozen": (
        "requires_grad_(False) spares the critic's weights. The gradient still passes through it "
        "to x̂ and the generator.",
        "requires_grad_(False) 只是放过判别器的权重。梯度照样穿过它，到达 x̂ 和生成器。",
    ),
    "generator_step_detached": (
        "x̂ is detached here, so the generator gets nothing; the critic's weights do.",
        "这里把 x̂ detach 了，生成器什么也得不到；判别器的权重却有梯度。",
    ),
}


def check_gradients(answer: Any, *, seed: int = 0) -> None:
    """Exercise 8.3: each entry of {step: set of networks} must hold who gets a gradient.

    Another seed runs the passes with other networks and images; who gets one stays the same.
    """
    called = ("networks", "网络")
    check_who_moves(answer, who_gets_gradients(seed), WHY, parts=PARTS, called=called)


def who_gets_gradients(seed: int = 0) -> dict[str, set[str]]:
    """Who gets a gradient from each loss, found by running each backward."""
    ((B, D),) = cases(seed, [(4, 2)], lambda draw: [(draw.randint(2, 8), draw.randint(2, 8))])
    x, epsilon = normal(seed, (B, D), (B, D))
    found = {}
    for step in WHY:
        generator, critic = _networks(D, seed)
        critic.requires_grad_(step != "generator_step_frozen")
        x_hat = generator(epsilon)
        seen = x_hat.detach() if step in ("critic_step", "generator_step_detached") else x_hat
        if step.startswith("critic"):
            loss = hinge_discriminator_loss(critic(x), critic(seen))
        else:
            loss = hinge_generator_loss(critic(seen))
        loss.backward()
        weights = {"critic": critic.parameters(), "generator": generator.parameters()}
        found[step] = {name for name in PARTS if any(p.grad is not None for p in weights[name])}
    return found


def _networks(size: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """A generator and a critic; the learner's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = nn.Sequential(nn.Linear(size, 1), nn.Unflatten(1, (1, 1, 1)))
        return nn.Linear(size, size), critic
