"""The checks of chapter 8 accept the right answers and name the usual mistakes."""

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.compress import PatchDiscriminator, hinge_discriminator_loss, hinge_generator_loss
from vqlib.course.checks import ch08

# --- 8.1 receptive field ------------------------------------------------------------------------


def backwards(layers, *, start=1, minus=1, order=reversed):
    side = start
    for kernel, stride in order(layers):
        side = (side - minus) * stride + kernel
    return side


def forwards(layers, *, early=False):
    side, jump = 1, 1
    for kernel, stride in layers:
        jump = jump * stride if early else jump
        side += (kernel - 1) * jump
        jump = jump if early else jump * stride
    return side


FIELDS = {"back": backwards, "forward with a jump": forwards}
WRONG_FIELDS = {
    "unfinished": (lambda layers: ..., "returns nothing yet", "还没有返回值"),
    "not reversed": (lambda layers: backwards(layers, order=list), "reversed order", "倒过来"),
    "no −1": (lambda layers: backwards(layers, minus=0), "The −1 is missing", "漏了 −1"),
    "sum": (lambda layers: sum(k for k, _ in layers), "sum of the kernels", "卷积核大小之和"),
    "no strides": (
        lambda layers: 1 + sum(k - 1 for k, _ in layers),
        "strides are not used",
        "没有用到步长",
    ),
    "strides only": (
        lambda layers: torch.tensor([s for _, s in layers]).prod(),
        "lie apart",
        "之间的距离",
    ),
    "too early": (lambda layers: forwards(layers, early=True), "afterwards", "再让 jump"),
    "own stride": (
        lambda layers: 1 + sum((k - 1) * s for k, s in layers),
        "its own stride only",
        "只乘了自己的步长",
    ),
    "from 0": (lambda layers: backwards(layers, start=0), "start with 1", "从 1 开始"),
    "always 70": (lambda layers: 70, "it should be 5", "应为 5"),
}


@pytest.mark.parametrize("answer", FIELDS.values(), ids=FIELDS)
def test_receptive_field_is_accepted(answer, capsys):
    ch08.check_receptive_field(answer)
    assert "✓" in capsys.readouterr().out


def test_the_critic_of_the_chapter_is_among_those_asked():
    critic = PatchDiscriminator(num_layers=3)
    layers = [(conv.kernel_size[0], conv.stride[0]) for conv in critic.convolutions]
    assert ch08.CRITICS[0] == layers
    assert backwards(layers) == critic.receptive_field


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_mistake_in_the_receptive_field_is_named(answer, en, zh):
    mistake = mistake_of(ch08.check_receptive_field, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 8.2 hinge losses ---------------------------------------------------------------------------


def losses(
    critic=lambda r, f: 0.5 * ((1 - r).relu().mean() + (1 + f).relu().mean()),
    generator=lambda r, f: -f.mean(),
):
    return lambda real, fake: (critic(real, fake), generator(real, fake))


def pair(real, fake):
    return hinge_discriminator_loss(real, fake), hinge_generator_loss(fake)


HINGES = {
    "vqlib's": pair,
    "by hand": losses(),
    "one mean": losses(lambda r, f: torch.cat([(1 - r).relu(), (1 + f).relu()]).mean()),
    "a list": lambda r, f: list(pair(r, f)),
}
WRONG_HINGES = {
    "unfinished": (lambda r, f: None, "returns nothing yet", "还没有返回值"),
    "one loss": (lambda r, f: pair(r, f)[0], "Return two losses", "要返回两个损失"),
    "half unfinished": (lambda r, f: (pair(r, f)[0], ...), "[1] is not filled in", "[1] 还没有填"),
    "no ½": (losses(lambda r, f: 2 * pair(r, f)[0]), "factor ½", "漏了系数 ½"),
    "swapped": (losses(lambda r, f: pair(f, r)[0]), "Signs", "符号反了"),
    "swapped, no ½": (losses(lambda r, f: 2 * pair(f, r)[0]), "½ is missing", "漏了 ½"),
    "no relu": (
        losses(lambda r, f: 0.5 * ((1 - r).mean() + (1 + f).mean())),
        "relu is missing",
        "漏了 relu",
    ),
    "no margin": (
        losses(lambda r, f: 0.5 * ((-r).relu().mean() + f.relu().mean())),
        "margin is missing",
        "漏了间隔",
    ),
    "sums": (
        losses(lambda r, f: 0.5 * ((1 - r).relu().sum() + (1 + f).relu().sum())),
        "take means",
        "应当取平均",
    ),
    "no mean": (losses(generator=lambda r, f: -f), "has the shape", "的形状是"),
    "generator's sign": (losses(generator=lambda r, f: f.mean()), "sign is missing", "漏了负号"),
    "generator's margin": (
        losses(generator=lambda r, f: (1 - f).relu().mean()),
        "no margin",
        "生成器没有间隔",
    ),
    "critic's term": (
        losses(generator=lambda r, f: (1 + f).relu().mean()),
        "the critic's term",
        "正相反",
    ),
    "generator's sum": (losses(generator=lambda r, f: -f.sum()), "a sum over", "求和"),
    "generator's half": (losses(generator=lambda r, f: -f.mean() / 2), "The ½ belongs", "½ 属于"),
    "real ones": (losses(generator=lambda r, f: r.mean() - f.mean()), "do not depend", "无关"),
    "detached": (losses(generator=lambda r, f: -f.detach().mean()), "no gradient", "没有梯度"),
    "a number": (losses(generator=lambda r, f: -f.mean().item()), "no gradient", "没有梯度"),
    "critic's detached": (
        losses(lambda r, f: pair(r, f)[0].detach()),
        "[0] has the right value, but no gradient",
        "[0] 的数值正确，却没有梯度",
    ),
    "critic's number": (
        losses(lambda r, f: pair(r, f)[0].item()),
        "[0] has the right value but no gradient",
        "[0] 数值正确，却没有梯度",
    ),
    "made verdicts detached": (
        losses(lambda r, f: pair(r, f.detach())[0]),
        "[0] has the right value, but no gradient reaches fake",
        "却没有梯度到达 fake",
    ),
    "a wrong slope": (
        losses(generator=lambda r, f: -(f + f.detach()).mean() / 2),
        "not the verdict on it",
        "而不是 detach 它的判断",
    ),
    "something else": (losses(lambda r, f: r.max()), "it should be", "应为"),
}


@pytest.mark.parametrize("answer", HINGES.values(), ids=HINGES)
def test_hinge_losses_are_accepted(answer, capsys):
    ch08.check_hinge_losses(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_HINGES.values(), ids=WRONG_HINGES)
def test_mistake_in_the_hinge_losses_is_named(answer, en, zh):
    mistake = mistake_of(ch08.check_hinge_losses, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 8.3 who gets a gradient --------------------------------------------------------------------

BOTH = {"critic", "generator"}
GRADIENTS = {
    "critic_step": {"critic"},
    "critic_step_undetached": BOTH,
    "generator_step": BOTH,
    "generator_step_frozen": {"generator"},
    "generator_step_detached": {"critic"},
}
WRONG_GRADIENTS = {
    "unfinished": ({**GRADIENTS, "critic_step": {...}}, "not filled in", "还没有填"),
    "missing": ({"critic_step": {"critic"}}, "is missing", "缺少"),
    "another name": (GRADIENTS | {"critic_step": {"D"}}, "the networks are", "可以填的网络"),
    "no cut": (GRADIENTS | {"critic_step": BOTH}, "generator gets none", "generator 没有梯度"),
    "a cut": (
        GRADIENTS | {"critic_step_undetached": {"critic"}},
        "generator gets a gradient too",
        "generator 也有梯度",
    ),
    "the critic is passed": (
        GRADIENTS | {"generator_step": {"generator"}},
        "critic gets a gradient too. The way",
        "critic 也有梯度。通往",
    ),
    "frozen blocks": (
        GRADIENTS | {"generator_step_frozen": set()},
        "still passes through",
        "照样穿过它",
    ),
    "detached learns": (
        GRADIENTS | {"generator_step_detached": {"generator"}},
        "critic gets a gradient too. generator gets none",
        "generator 没有梯度",
    ),
}


def test_the_backward_passes_agree_with_the_solution():
    assert ch08.who_gets_gradients() == GRADIENTS


@pytest.mark.parametrize(
    "answer",
    [GRADIENTS, GRADIENTS | {"critic_step": "critic"}, {k: list(v) for k, v in GRADIENTS.items()}],
)
def test_right_gradients_are_accepted(answer, capsys):
    ch08.check_gradients(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_GRADIENTS.values(), ids=WRONG_GRADIENTS)
def test_wrong_gradients_are_named(answer, en, zh):
    mistake = mistake_of(ch08.check_gradients, answer)
    assert en in mistake.en
    assert zh in mistake.zh
