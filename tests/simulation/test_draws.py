"""Draws are even, independent of each other, and the same whoever asks for them with whom."""

import numpy as np
import pytest

from simulation.draws import Draws

IDS = np.arange(1, 200_001)
DRAWS = Draws(7)


def test_uniform_is_even_over_ids_days_and_places() -> None:
    for draw in (
        DRAWS.uniform("a", IDS, 3),
        np.concatenate([DRAWS.uniform("a", IDS[:200], day) for day in range(1000)]),
        DRAWS.uniform("a", np.full(200_000, 12), 3, np.arange(200_000)),
    ):
        counts = np.bincount((draw * 256).astype(int), minlength=256)
        expected = len(draw) / 256
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert 170 < chi_square < 360, "255 degrees of freedom: beyond these bounds once in a hundred thousand worlds"


def test_bits_are_even() -> None:
    words = DRAWS.words("bits", IDS)
    shares = [float(((words >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert max(abs(share - 0.5) for share in shares) < 0.006


@pytest.mark.parametrize(
    "other",
    [
        DRAWS.uniform("a", IDS, 4),
        DRAWS.uniform("b", IDS, 3),
        DRAWS.uniform("a", IDS, 3, 1),
        DRAWS.uniform("a", IDS + 1, 3),
        Draws(8).uniform("a", IDS, 3),
    ],
    ids=["another day", "another stream", "another place", "a neighbour", "another seed"],
)
def test_draws_do_not_go_together(other: np.ndarray) -> None:
    first = DRAWS.uniform("a", IDS, 3)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.012
    both = np.histogram2d(first, other, bins=16, range=[[0, 1], [0, 1]])[0]
    expected = len(IDS) / 256
    assert ((both - expected) ** 2 / expected).sum() < 370


def test_a_draw_belongs_to_its_id() -> None:
    whole = DRAWS.normal("a", IDS, 5)
    assert (DRAWS.normal("a", IDS[1000:1003], 5) == whole[1000:1003]).all()
    assert (DRAWS.normal("a", IDS[::-1].copy(), 5)[::-1] == whole).all()


def test_a_place_is_the_same_as_a_number_or_an_array() -> None:
    assert (DRAWS.words("a", IDS, 5, 3) == DRAWS.words("a", IDS, 5, np.full(len(IDS), 3))).all()


def test_distributions() -> None:
    normal = DRAWS.normal("n", IDS)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert abs((normal**4).mean() - 3) < 0.1
    assert abs(DRAWS.exponential("e", IDS).mean() - 1) < 0.01
    for mean in (0.05, 1.7, 11.0):
        counts = DRAWS.poisson(np.full(len(IDS), mean), "p", IDS)
        assert abs(counts.mean() - mean) < 0.02 * max(mean, 0.5)
        assert abs(counts.var() - mean) < 0.03 * max(mean, 0.5)


def test_choice_follows_its_weights() -> None:
    shares = np.bincount(DRAWS.choice((1, 0, 3, 6), "c", IDS), minlength=4) / len(IDS)
    assert np.allclose(shares, [0.1, 0, 0.3, 0.6], atol=0.005)
    own = DRAWS.choice(np.stack([IDS % 2, 1 - IDS % 2], axis=1), "c", IDS)
    assert (own == 1 - IDS % 2).all()
