import pytest

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.plots import draw
from training.train import train
from training.trained import TrainedModel


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train("risk", spec(), frame(), COLUMNS, ["sex"], AS_OF)


def test_every_picture_is_a_png_and_the_same_twice(trained: TrainedModel) -> None:
    pictures = draw(trained)
    assert set(pictures) == {"calibration.png", "roc.png", "distribution.png", "fairness_sex.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    assert draw(trained) == pictures


def test_nothing_is_left_in_pyplot(trained: TrainedModel) -> None:
    from matplotlib import pyplot

    draw(trained)
    assert pyplot.get_fignums() == []
