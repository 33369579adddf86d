"""Checks of chapter 9, *How do blurred reconstructions become sharp?*"""

from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.flights import TRUTH, flights
from vqlib.course.checks.gradient import require_gradients
from vqlib.course.checks.report import (
    Mistake,
    compare,
    correct,
    number,
    require,
    run,
    run_on_originals,
)
from vqlib.train import VQGANRecipe

LIMIT = 1e4

__all__ = ["check_adaptive_weight", "check_codec_loss", "check_diagnosis", "flights"]


def check_adaptive_weight(
    answer: Callable[[Tensor, Tensor, Tensor, float], Tensor], *, seed: int = 0
) -> None:
    """Exercise 9.1: λ = ‖∇rec‖ / (‖∇gan‖ + δ) at the last layer, in [0, 10⁴], detached."""
    shown = [(SIMPLE, SLOPE, scale, delta) for scale, delta in ((1, 0.05), (-2, 1e-4), (0, 1e-4))]
    for weights, slope, scale, delta in cases(seed, shown, _layers):
        w = torch.tensor(weights, requires_grad=True)
        at_rec, at_gan = 2 * w.detach().double(), scale * torch.tensor(slope, dtype=torch.float64)
        rec, gan = _two_losses(w, at_gan.float())
        asked = f"adaptive_weight(rec_loss, gan_loss, last_layer, {delta})"
        before = rec.item(), gan.item()
        got = _weight(answer, rec, gan, w, delta)
        right = min(at_rec.norm().item() / (at_gan.norm().item() + delta), LIMIT)
        compare(number(got), right, _weight_mistakes(at_rec, at_gan, before, delta), asked)
        _check_graph(got, rec, gan, w)
        require(
            (rec.item(), gan.item()) == before and w.tolist() == weights,
            f"{asked} changes its arguments: training goes on with the losses and the layer.",
            f"{asked} 改动了传入的参数：损失和这一层之后训练还要用。",
        )
    correct()


SIMPLE, SLOPE = [3.0, 4.0], [0.04, -0.03]


def _layers(draw: Random) -> list[tuple[list[float], list[float], float, float]]:
    """(weights, slope of L_GAN, its scale, δ): a δ that counts, a small one, no gradient at all."""
    found = []
    for scale, delta in ((1.0, 0.05), (-2.0, 1e-4), (0.0, 1e-4)):
        size = draw.randint(2, 6)
        weights = [float(draw.randint(2, 9)) for _ in range(size)]
        found.append((weights, [draw.randint(1, 9) / 64 for _ in weights], scale, delta))
    return found


def _two_losses(w: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Losses with the gradients 2w and `slope`, through one shared graph."""
    picture = w.square().sqrt()  # the weights themselves, by a way that can be gone only once
    return picture.square().sum() + 3.0, (picture * slope).sum() + 0.7


def _weight(answer: Callable[..., Any], rec: Tensor, gan: Tensor, w: Tensor, delta: float) -> Any:
    try:
        got = run_on_originals(answer, rec, gan, w, delta)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        raise Mistake(
            "The first gradient threw the graph away. Both losses share it, and training needs it "
            "afterwards: retain_graph=True.",
            "第一次求梯度时把计算图扔掉了。两个损失共用这张图，之后训练也要用："
            "加上 retain_graph=True。",
        ) from error
    require(
        w.grad is None,
        "Something is left in last_layer.grad: backward() adds to it, and the optimiser would use "
        "it. torch.autograd.grad returns a gradient and leaves nothing behind.",
        "last_layer.grad 里留下了东西：backward() 会往里面累加，优化器就会用到。"
        "torch.autograd.grad 只返回梯度，什么也不留下。",
    )
    return got


def _weight_mistakes(
    at_rec: Tensor, at_gan: Tensor, losses: tuple[float, float], delta: float
) -> list[tuple[float, str, str]]:
    rec, gan = at_rec.norm().item(), at_gan.norm().item()
    both = (at_rec + at_gan).norm().item()

    def ratio(above: float, below: float, mark: int) -> float:
        """Limited as it should be; the mark keeps the limits of different mistakes apart."""
        return min(above / below, LIMIT - mark) if below else LIMIT - mark

    return [
        (
            rec / (gan + delta),
            "The limit is missing: where the critic's gradient almost vanishes, λ explodes. "
            "Clamp it to [0, 10⁴].",
            "少了上限：判别器的梯度几乎为零时，λ 会变得极大。把它限制在 [0, 10⁴] 里。",
        ),
        (
            gan / (rec + delta),
            "Upside down: the norm of the reconstruction's gradient stands above.",
            "分子分母颠倒了：重建损失的梯度范数在上面。",
        ),
        (
            ratio(rec, gan, 1),
            "δ is missing below the line.",
            "分母里少了 δ。",
        ),
        (
            ratio(losses[0], losses[1] + delta, 0),
            "You compare the values of the losses. Compare the lengths of their gradients at "
            "last_layer.",
            "你比较的是损失的值。要比较的是它们在 last_layer 上的梯度有多长。",
        ),
        (
            ratio(rec**2, gan**2 + delta, 2),
            "These are squared lengths: a norm is the square root of the sum of the squares.",
            "这是长度的平方：范数是平方和的平方根。",
        ),
        (
            ratio(at_rec.abs().sum().item(), at_gan.abs().sum().item() + delta, 3),
            "You add up absolute values. The norm is the square root of the sum of the squares.",
            "你把绝对值加了起来。范数是平方和的平方根。",
        ),
        (
            ratio(both, gan + delta, 4),
            "Above the line is the gradient of rec_loss alone, not that of the sum.",
            "分子是 rec_loss 单独的梯度，不是两个损失之和的梯度。",
        ),
    ]


def _check_graph(got: Any, rec: Tensor, gan: Tensor, w: Tensor) -> None:
    weight = torch.as_tensor(got)
    require(
        not weight.requires_grad,
        "λ is still part of the graph: it is a measured number, so detach it.",
        "λ 还连在计算图上：它只是量出来的一个数，要 detach。",
    )
    try:
        (rec + weight * gan).backward()
    except RuntimeError as error:
        raise Mistake(
            "After your function the loss cannot go backward any more: keep the graph in both "
            "calls, retain_graph=True.",
            "调用你的函数之后，损失无法再反向传播：两次求梯度都要 retain_graph=True。",
        ) from error
    w.grad = None


def check_codec_loss(
    answer: Callable[[int, dict[str, Tensor], VQGANRecipe], Any], *, seed: int = 0
) -> None:
    """Exercise 9.2: L_rec + codebook + β·commitment, and from disc_start on w·λ·L_GAN.

    The value, and that every term sends its gradient on.
    """
    shown = [(0.5, 0.25, 0.125, -3.0, 0.75, 0.5, 100, 0.125)]
    for *numbers, beta, disc_start, disc_weight in cases(seed, shown, _terms):
        values = dict(zip(NAMES, numbers, strict=True))
        recipe = VQGANRecipe(commitment_weight=beta, disc_start=disc_start, disc_weight=disc_weight)
        values |= {"beta": beta, "disc_start": disc_start, "disc_weight": disc_weight}
        for step in (0, disc_start - 1, disc_start, 50 * disc_start):
            terms = {
                name: torch.tensor(values[name], requires_grad=name != "lam") for name in NAMES
            }
            asked = f"codec_loss({step}, terms, recipe)"
            got = run(answer, step, terms, recipe)
            right = _codec_loss(step, values | terms)
            compare(number(got), right.item(), _codec_mistakes(step, values), asked)
            at = {f'terms["{name}"]': term for name, term in terms.items() if name != "lam"}
            detached = ("Its weight in the sum is another.", "它在和里的权重不是这样。")
            require_gradients(torch.as_tensor(got).reshape(()), right, at, asked, detached)
    correct()


NAMES = ("rec", "codebook", "commitment", "gan", "lam")


def _terms(draw: Random) -> list[tuple[int | float, ...]]:
    """The five terms, β, disc_start and disc_weight: eighths and sixteenths, exact in float32."""
    rec, codebook, commitment, lam = (n / 8 for n in draw.sample(range(2, 30), 4))
    beta, disc_weight = (n / 16 for n in draw.sample(range(1, 15), 2))
    gan = -draw.randint(9, 40) / 8
    return [(rec, codebook, commitment, gan, lam, beta, draw.randint(20, 500), disc_weight)]


def _codec_loss(step: int, t: dict[str, Any]) -> Any:
    loss = t["rec"] + t["codebook"] + t["beta"] * t["commitment"]
    return loss + t["disc_weight"] * t["lam"] * t["gan"] if step >= t["disc_start"] else loss


def _codec_mistakes(step: int, t: dict[str, Any]) -> list[tuple[float, str, str]]:
    plain = t["rec"] + t["codebook"] + t["beta"] * t["commitment"]
    pull = t["disc_weight"] * t["lam"] * t["gan"]
    on = step >= t["disc_start"]
    return [
        (
            plain + pull,
            "The critic is not in yet: before disc_start its term is left out.",
            "这时判别器还没有上场：disc_start 之前没有它那一项。",
        ),
        (
            plain,
            "The critic has come in: step counts from 0, so disc_start itself is the first step "
            "with it.",
            "判别器已经上场：step 从 0 数起，disc_start 这一步就有它了。",
        ),
        (
            plain + t["lam"] * t["gan"] * on,
            "disc_weight is missing: the critic's term is disc_weight · λ · L_GAN.",
            "少了 disc_weight：判别器那一项是 disc_weight · λ · L_GAN。",
        ),
        (
            plain + t["disc_weight"] * t["gan"] * on,
            "λ is missing: the critic's term is disc_weight · λ · L_GAN.",
            "少了 λ：判别器那一项是 disc_weight · λ · L_GAN。",
        ),
        (
            plain - pull * on,
            "The sign: gan is already −mean D(x̂), so it is added.",
            "符号反了：gan 已经是 −mean D(x̂)，应当加上。",
        ),
        (
            t["rec"] + t["beta"] * t["codebook"] + t["commitment"] + pull * on,
            "β stands on the commitment loss, not on the codebook loss.",
            "β 乘在承诺损失上，不是码本损失上。",
        ),
        (
            t["rec"] + t["codebook"] + t["commitment"] + pull * on,
            "β is missing before the commitment loss.",
            "承诺损失前面少了 β。",
        ),
        (
            t["rec"] + pull * on,
            "The codebook loss and the commitment loss are missing.",
            "少了码本损失和承诺损失。",
        ),
    ]


DIAGNOSES = ("healthy", "critic_wins", "critic_dead", "codebook_collapse")
ILLNESS = {
    "healthy": (
        "here λ stays in a narrow band, the critic is right more often than not but never sure, "
        "and the codes stay in use",
        "这里 λ 保持在一条窄带里，判别器多半判对，但从不十拿九稳，编码也都在用",
    ),
    "critic_wins": (
        "here the accuracy sticks at 1 and the critic's logits of images and of reconstructions "
        "drift apart",
        "这里正确率一直停在 1，判别器给图像和给重建的 logits 越离越远",
    ),
    "critic_dead": (
        "here the critic's gradient vanishes, λ climbs until δ stops it, and the accuracy is that "
        "of a coin",
        "这里判别器的梯度消失，λ 一路爬升，直到被 δ 拦住，正确率和抛硬币一样",
    ),
    "codebook_collapse": (
        "here usage falls to almost nothing, and the reconstruction loss rises with it",
        "这里码本利用率几乎跌到零，重建损失随之上升",
    ),
}


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 9.3: which record shows which illness.

    The lesson shows the records of `flights()`, so `seed` changes nothing here.
    """
    judge(answer, TRUTH, DIAGNOSES, lambda log, said: ILLNESS[TRUTH[log]])
