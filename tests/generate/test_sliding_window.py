"""Pictures larger than the model: all ways to draw them agree with the rule written out."""

from collections import Counter
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.generate.small import (
    ALL_CASES,
    CODES,
    CONDITIONS,
    GRID,
    MAKERS,
    case,
    prior_of,
)
from vqlib.generate import (
    CoordinateCondition,
    GPTConfig,
    Known,
    MapCondition,
    Place,
    Prior,
    Sampling,
    Sequential,
    Strided,
    Wavefront,
    noise,
    sample_large,
)
from vqlib.generate.sliding_window import Canvas, window_start

RASTER = [maker for maker in MAKERS if prior_of(maker).order.name == "raster"]
RASTER_CASES = [chosen for chosen in ALL_CASES if chosen[0] in RASTER]


def local_index(i: int, size: int, n: int) -> int:
    """Where in its window a position stands, as the reference program has it; for size ≥ n."""
    if i <= n / 2:
        return i
    if size - i < n / 2:
        return n - (size - i)
    return n // 2


def test_windows_lie_where_the_reference_has_them():
    for n in range(1, 14):
        for size in range(1, 40):
            for i in range(size):
                # It breaks for pictures smaller than the window; there the window begins at 0.
                expected = 0 if size < n else i - local_index(i, size, n)
                assert window_start(i, size, n) == expected


def test_windows_that_jump_hold_their_position_and_what_lies_to_its_left():
    for n in range(1, 12):
        most = (n + 1) // 2
        for size in range(n, 34):
            for stride in range(1, most + 1):
                for i in range(size):
                    start = window_start(i, size, n, stride=stride)
                    assert 0 <= start <= size - n
                    assert start <= i < start + n
                    assert i - start >= min(i, n // 2)
                    assert start % stride == 0 or start == size - n
        # No larger stride would do.
        assert any(i - window_start(i, 99, n, stride=most + 1) >= n for i in range(99))


class Task(NamedTuple):
    """What `sample_large` is asked for."""

    prior: Prior
    size: tuple[int, int]
    value: Any
    sampling: Sampling
    seed: int
    known: Known | None


def by_hand(task: Task, stride: int = 1) -> Tensor:
    """Token by token; the model reads its whole window each time, also what is not drawn yet."""
    prior, (h, w), value, sampling, seed, known = task
    rows, n = prior.config.grid
    width = max(w, n)
    picture, u = torch.randint(CODES, (2, max(h, rows), width)), noise(seed, 2, h * width)
    for i in range(h):
        for j in range(width):
            top = 0 if h < rows else i - local_index(i, h, rows)
            left = window_start(j, width, n, stride=stride)
            left = j - local_index(j, width, n) if stride == 1 else left
            window = picture[:, top : top + rows, left : left + n].flatten(1)[:, :-1]
            ids, number = (
                prior.config.condition.ids(value, 2, Place(top, left, h, w)),
                i * width + j,
            )
            logits = prior(window, ids)[:, (i - top) * n + j - left]
            if sampling.guidance != 1:
                without = prior(window, prior.without_condition().expand_as(ids))
                without = without[:, (i - top) * n + j - left]
                logits = sampling.guidance * logits + (1 - sampling.guidance) * without
            token = sampling.draw(logits, u[:, number])
            if known is not None and j < w:
                token = torch.where(known.keep[:, i, j], known.tokens[:, i, j], token)
            picture[:, i, j] = token
    return picture[:, :h, :w]


def drawn(task: Task, schedule: Any) -> Tensor:
    prior, size, value, sampling, seed, known = task
    return sample_large(
        prior, size, value, sampling, count=2, seed=seed, known=known, schedule=schedule
    )


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Windows from 1×1 to 5×5, pictures from 1×1 to 8×8: smaller, of equal size, larger."""
    window, size = ((draw(st.integers(1, most)), draw(st.integers(1, most))) for most in (5, 8))
    kind, seed = draw(st.sampled_from(list(CONDITIONS))), draw(st.integers(0, 2**31))
    condition, value = CONDITIONS[kind]
    torch.manual_seed(seed)
    if kind == "map":
        grid = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        condition = MapCondition(5, grid)
        # As much larger than its window's as the picture is, rounded up.
        large = [-(-a * b // n) for a, b, n in zip(size, grid, window, strict=True)]
        value = torch.randint(5, (2, *large))
    if kind == "coordinates":
        condition, value = CoordinateCondition(window, bins=draw(st.integers(1, 9))), None
    guidance = 1.0 if kind == "none" else draw(st.sampled_from([1.0, 2.5]))
    options = {"condition": condition, "guidance": guidance != 1, "grid": window}
    prior = prior_of(draw(st.sampled_from(RASTER)), **options)
    kept, known = draw(st.sampled_from([None, 0.2, 0.8])), None
    if kept is not None:
        keep = torch.rand(2, *size) < kept
        known = Known(torch.randint(CODES, (2, *size)).where(keep, -9), keep)
    return Task(prior, size, value, Sampling(guidance=guidance), seed, known)


@given(tasks())
@torch.no_grad()
def test_row_by_row_and_in_a_wavefront_is_the_rule_written_out(task):
    expected = by_hand(task)
    assert torch.equal(drawn(task, Sequential()), expected)
    assert torch.equal(drawn(task, Wavefront()), expected)


@pytest.mark.parametrize("maker", RASTER)
@pytest.mark.parametrize("stride", [1, 2, 3])
@torch.no_grad()
def test_strides_are_the_rule_with_windows_that_jump(maker, stride):
    prior = prior_of(maker, "coordinates", grid=(2, 5), condition=CoordinateCondition((2, 5)))
    keep = torch.rand(2, 4, 13) < 0.2
    known = Known(torch.randint(CODES, keep.shape), keep)
    task = Task(prior, (4, 13), None, Sampling(), 0, known)
    strided = drawn(task, Strided(stride))
    assert torch.equal(strided, by_hand(task, stride))
    assert torch.equal(strided, drawn(task, Sequential())) == (stride == 1)


SCHEDULES = [Sequential(), Wavefront(), Strided(2)]


@pytest.mark.parametrize("chosen", RASTER_CASES, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
def test_a_picture_of_the_models_own_size_is_what_the_model_draws(chosen):
    prior, value, guidance = case(*chosen)
    sampling = Sampling(top_k=5, guidance=guidance)
    if chosen[1] == "coordinates":  # one window is the whole picture
        value = None
    keep = torch.rand(2, *GRID) < 0.3
    options = {"count": 2, "seed": 9, "known": Known(torch.randint(CODES, keep.shape), keep)}
    expected = prior.sample(value, sampling, **options).view(2, *GRID)
    for schedule in SCHEDULES:
        large = sample_large(prior, GRID, value, sampling, schedule=schedule, **options)
        assert large.dtype == torch.int64 and not large.is_inference()
        assert torch.equal(large, expected)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_picture_is_the_same_alone_and_among_others(schedule):
    prior, classes = prior_of("gpt", "class"), torch.tensor([0, 2, 1])
    together = sample_large(prior, (5, 6), classes, seed=3, schedule=schedule)
    assert together.shape == (3, 5, 6)
    for n in range(3):
        options = {"seed": [3 + n], "schedule": schedule}
        alone = sample_large(prior, (5, 6), classes[n : n + 1], **options)
        assert torch.equal(alone, together[n : n + 1])
    assert not torch.equal(
        together, sample_large(prior, (5, 6), classes, seed=4, schedule=schedule)
    )


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_picture_narrower_than_the_window_is_cut_from_one_that_is_not(schedule):
    prior, classes = prior_of("gpt", "class"), torch.tensor([0, 2])
    wide = sample_large(prior, (5, 4), classes, schedule=schedule)
    assert torch.equal(sample_large(prior, (5, 2), classes, schedule=schedule), wide[:, :, :2])


# Known tokens. The windows of the model below have 3 rows and 4 columns.


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_known_tokens_are_kept_and_change_nothing_before_them(schedule):
    prior = prior_of("gpt")
    free = sample_large(prior, (6, 7), count=2, schedule=schedule)
    keep, tokens = torch.zeros(2, 6, 7).bool(), (free + 1) % CODES
    keep[0, 2, 3], keep[0, 4, 1] = True, True
    result = sample_large(prior, (6, 7), known=Known(tokens, keep), schedule=schedule)
    assert torch.equal(result[keep], tokens[keep])
    first = 2 * 7 + 3
    assert torch.equal(result[0].flatten()[:first], free[0].flatten()[:first])
    assert not torch.equal(result[0].flatten()[first + 1 :], free[0].flatten()[first + 1 :])
    assert torch.equal(result[1], free[1])  # the other picture does not notice


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize("both", [True, False])
def test_what_would_be_drawn_anyway_changes_nothing_when_it_is_known(schedule, both):
    prior = prior_of("gpt")
    free = sample_large(prior, (6, 7), count=2, schedule=schedule)
    keep = torch.rand(2, 6, 7) < 0.6
    keep = keep[:1].expand(2, -1, -1) if both else keep
    known = Known(free.where(keep, -9), keep)
    assert torch.equal(sample_large(prior, (6, 7), known=known, schedule=schedule), free)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_only_what_a_window_has_seen_matters(schedule):
    prior, keep = prior_of("gpt"), torch.ones(2, 9, 5).bool()
    keep[:, 8] = False  # the last row is drawn, in windows that begin at row 6
    tokens = torch.randint(CODES, (2, 9, 5))

    def last_row(rows: slice, shift: int) -> Tensor:
        changed = tokens.clone()
        changed[:, rows] = (changed[:, rows] + shift) % CODES
        known = Known(changed, keep)
        return sample_large(prior, (9, 5), known=known, schedule=schedule)[:, 8]

    nothing = last_row(slice(0, 9), 0)
    assert torch.equal(last_row(slice(0, 6), 1), nothing)
    assert any(not torch.equal(last_row(slice(6, 8), shift), nothing) for shift in range(1, CODES))
    assert torch.equal(last_row(slice(8, 9), 1), nothing)  # not kept


# Steps


def canvas_of(prior: Prior, size: tuple[int, int], known: Known | None = None) -> Canvas:
    return Canvas(prior, size, None, Sampling(), count=2, seed=0, known=known)


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 8))
@torch.no_grad()
def test_every_schedule_counts_its_tokens_and_a_wavefront_its_steps(rows, n, h, w):
    prior = prior_of("gpt", grid=(rows, n))
    for schedule in (Sequential(), Wavefront(), Strided(1)):
        canvas = canvas_of(prior, (h, w))
        steps = list(schedule.run(canvas))
        assert sum(steps) == canvas.num_tokens == h * max(w, n)
        if schedule == Wavefront():
            assert len(steps) == (h - 1) * n + max(w, n)
            assert min(steps) >= 1


def calls(prior: Prior, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often the model is asked, and in which way."""
    counter = Counter()

    def counted(name: str) -> None:
        method = getattr(prior, name)

        def counting(*given: Any) -> Tensor:
            counter[name] += 1
            return method(*given)

        monkeypatch.setattr(prior, name, counting)

    for name in ("start", "step", "next_logits"):
        counted(name)
    return counter


def test_the_model_is_asked_as_seldom_as_each_schedule_allows(monkeypatch):
    prior = prior_of("gpt")  # 3 × 4
    counter = calls(prior, monkeypatch)

    def asked(schedule: Any, known: Known | None = None) -> dict[str, int]:
        counter.clear()
        sample_large(prior, (5, 10), count=2, known=known, schedule=schedule)
        return dict(counter)

    # In a row of 10 the window stands at 7 places, of which the first and the last serve 3 and 2
    # tokens; with a stride of 2 it stands at 0, 2, 4 and 6.
    assert asked(Sequential()) == {"start": 5 * 7, "step": 5 * 3}
    assert asked(Strided(2)) == {"start": 5 * 4, "step": 5 * 6}
    assert asked(Wavefront()) == {"next_logits": 4 * 4 + 10}
    keep = torch.ones(2, 5, 10).bool()
    keep[0, 3, 4] = False
    for schedule in (Sequential(), Wavefront(), Strided(2)):
        assert sum(asked(schedule, Known(keep.long(), keep)).values()) == 1


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize("training", [True, False])
def test_drawing_leaves_the_mode_and_the_global_generator_alone(schedule, training):
    prior = prior_of("gpt", dropout=0.5)
    expected = sample_large(prior, (4, 5), count=1, schedule=schedule)
    prior.train(training)
    state = torch.get_rng_state()
    assert torch.equal(sample_large(prior, (4, 5), count=1, schedule=schedule), expected)
    assert torch.equal(torch.get_rng_state(), state)
    assert {module.training for module in prior.modules()} == {training}


# What is not right


def known_of(*shape: int) -> Known:
    return Known(torch.zeros(shape).long(), torch.ones(shape).bool())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": (0, 4)}, "size is 0×4 tokens; it must be at least 1×1"),
        ({"size": (4, -1)}, "size is 4×-1 tokens"),
        ({"condition": None}, "how many pictures"),
        ({"count": 3}, r"condition, known tokens and count speak of \[2, 3\] pictures"),
        ({"known": known_of(3, 5, 6)}, r"speak of \[2, 3\] pictures"),
        ({"known": known_of(2, 6, 5)}, r"shape \(2, 6, 5\); \(2, 5, 6\) is expected"),
        ({"known": known_of(2, 30)}, r"shape \(2, 30\); \(2, 5, 6\) is expected"),
        ({"condition": torch.tensor([0, 3])}, "classes range over .* this model knows 0 to 2"),
        ({"condition": None, "count": 0}, "count is 0"),
        ({"seed": [1, 2, 3]}, "3 seeds for 2 pictures"),
        ({"sampling": Sampling(guidance=2.0)}, "cannot be guided"),
        ({"schedule": Strided(3)}, "stride is 3, but a window of 4 columns allows at most 2"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_drawn(arguments, message, monkeypatch):
    prior = prior_of("gpt", "class")
    counter = calls(prior, monkeypatch)
    asked = {"size": (5, 6), "condition": torch.tensor([0, 2])} | arguments
    with pytest.raises(ValueError, match=message):
        sample_large(prior, **asked)
    assert not counter


def test_the_order_must_be_that_of_the_rows():
    with pytest.raises(ValueError, match=r"writes in the order 'spiral_out'.*row by row"):
        sample_large(prior_of("gpt_spiral"), (5, 6), count=1)


def test_places_are_not_given_where_they_are_known():
    prior, places = prior_of("gpt", "coordinates"), CONDITIONS["coordinates"][1]
    with pytest.raises(ValueError, match="the windows' places are known; give None"):
        sample_large(prior, (5, 6), places)


def test_a_stride_below_1_is_named():
    with pytest.raises(ValueError, match="stride is 0; it must be at least 1"):
        Strided(0)


def test_a_map_of_another_scale_than_the_picture_is_named():
    config = GPTConfig(5, (4, 4), MapCondition(3, (2, 2)), num_layers=1, num_heads=1, width=4)
    prior = config.build()
    fitting = torch.zeros(1, 4, 5, dtype=torch.int64)
    assert sample_large(prior, (8, 10), fitting).shape == (1, 8, 10)
    assert sample_large(prior, (7, 9), fitting).shape == (1, 7, 9)
    with pytest.raises(ValueError, match=r"the map has \(2, 2\) tokens and the picture \(8, 10\)"):
        sample_large(prior, (8, 10), fitting[:, :2, :2])
